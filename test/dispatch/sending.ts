// A sender as a process has it, and a request for it to send.

import { lookup } from 'node:dns';
import type { TestContext } from 'node:test';
import { createDestinations } from '../../src/destinations.ts';
import type { Request } from '../../src/dispatch/request.ts';
import { createSender } from '../../src/dispatch/send.ts';
import { createTransport } from '../../src/dispatch/transport.ts';
import { createSecretBox, newSigningSecret } from '../../src/secrets.ts';
import { processTime } from '../../src/time.ts';

export const secrets = createSecretBox([Buffer.alloc(32, 7)]);
export const signingSecret = newSigningSecret();
export const body = Buffer.from('{"id":"evt_1","data":{"message":"größer"}}');

interface Settings {
  httpsOnly?: boolean;
  allowAddresses?: string[];
  resolve?: typeof lookup;
  proxy?: string;
}

/** Sends requests to a URL, by a transport of its own that is closed after the test `t`. */
export function senderFor(
  t: TestContext,
  { httpsOnly = false, allowAddresses = ['127.0.0.0/8'], resolve = lookup, proxy }: Settings = {},
) {
  const destinations = createDestinations({ httpsOnly, allowAddresses });
  const transport = createTransport(destinations, { resolve, proxy });
  const sender = createSender({ secrets, time: processTime(), transport, destinations });
  t.after(() => sender.close());
  return (url: string, facts: Partial<Request> = {}) => sender.send({ ...requestTo(url), ...facts });
}

export function requestTo(url: string): Request {
  return {
    organizationId: 'org_1',
    endpointId: 'ep_1',
    webhookId: 'wh_1',
    attempt: 1,
    startsAtMs: Date.now(),
    url,
    timeoutMs: 5_000,
    gapMs: 5_000,
    host: '127.0.0.1',
    omitted: 3,
    reconnects: false,
    organizationSecret: secrets.seal('orgs_secret'),
    signingSecrets: [secrets.seal(signingSecret)],
    body,
  };
}
