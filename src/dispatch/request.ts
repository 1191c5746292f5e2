// The request that an attempt is: everything that leaves, put together from its lane. Pure.

import { type AttemptStarted, startsAtMsOf } from '../events.ts';
import type { EndpointId, OrganizationId, WebhookId } from '../ids.ts';
import { signingSecretsOf } from '../sealed.ts';
import type { Lane, LaneEndpoint } from './lane.ts';

/** A request that may leave once its AttemptStarted is durable. Secrets are sealed. */
export interface Request {
  organizationId: OrganizationId;
  endpointId: EndpointId;
  webhookId: WebhookId;
  attempt: number;
  /** When its AttemptStarted says that it starts: not before that, and the exchange must be over at startsAtMs + timeoutMs. */
  startsAtMs: number;
  url: string;
  /** The name or address in the URL: what counts against the capacity for one host. */
  host: string;
  timeoutMs: number;
  gapMs: number;
  /** Webhooks that were omitted since the last one delivered. */
  omitted: number;
  /** It makes a connection of its own, as one that was kept has failed it. */
  reconnects: boolean;
  organizationSecret: string;
  /** All that sign, the newest first. */
  signingSecrets: string[];
  body: Buffer;
}

/** The request that `started` announces; undefined: what it belongs to is gone. */
export function requestFor(
  lane: Lane,
  endpoint: LaneEndpoint,
  started: AttemptStarted,
  host: string,
): Request | undefined {
  const pending = lane.pending.get(started.webhookId);
  if (pending === undefined || lane.secret === null) return undefined;
  return {
    organizationId: lane.organizationId,
    endpointId: endpoint.endpointId,
    webhookId: pending.webhookId,
    attempt: started.attempt,
    startsAtMs: startsAtMsOf(started),
    url: endpoint.url,
    host,
    timeoutMs: endpoint.timeoutMs,
    gapMs: endpoint.gapMs,
    omitted: endpoint.omitted - endpoint.toldOmitted,
    reconnects: pending.reconnects,
    organizationSecret: lane.secret,
    signingSecrets: signingSecretsOf(endpoint, startsAtMsOf(started)),
    body: pending.body,
  };
}

/** Empty for what is no URL: such a request fails before it leaves. */
export function hostOf(url: string): string {
  return URL.parse(url)?.hostname ?? '';
}
