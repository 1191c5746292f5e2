// An endpoint that does nothing but fail: warned of at half the time, disabled when the time is over, or at once when
// it says that it is gone. Pure.

import type { EndpointDisabled, EndpointFailing } from '../events.ts';
import { derivedId } from '../ids.ts';
import { formatDuration } from '../time.ts';
import type { LaneEndpoint, Outcome } from './lane.ts';
import { isBlameless } from './retry.ts';

/** The status by which a receiver says that it wants nothing more, ever (RFC 9110 section 15.5.11). */
const GONE = 410;

type Health = Omit<EndpointFailing, 'organizationId'> | Omit<EndpointDisabled, 'organizationId'>;

/** What a failed attempt means for the endpoint, at `nowMs`; undefined: nothing. */
export function healthAfterFailure(
  endpoint: LaneEndpoint,
  { responseCode, failure }: Pick<Outcome, 'responseCode' | 'failure'>,
  nowMs: number,
  disableAfterMs: number,
): Health | undefined {
  if (failure !== null && isBlameless(failure.error)) return undefined;
  const { endpointId, url, warned } = endpoint;
  const failingSinceMs = endpoint.failingSinceMs ?? nowMs;
  /** Of two requests that end in the same millisecond one may lead to a warning, and the other to the end. */
  const idsOf = (what: string) => {
    return { endpointId, eventId: derivedId('evt', nowMs, `${what} ${endpointId}`), atMs: nowMs, url };
  };
  if (responseCode === GONE) {
    return {
      type: 'EndpointDisabled',
      ...idsOf('disabled'),
      reason: `answered ${GONE} Gone`,
      failingSinceMs,
    };
  }
  const failingMs = nowMs - failingSinceMs;
  if (failingMs >= disableAfterMs) {
    const reason = `failed for ${formatDuration(disableAfterMs)}`;
    return { type: 'EndpointDisabled', ...idsOf('disabled'), reason, failingSinceMs };
  }
  if (warned || failingMs < disableAfterMs / 2) return undefined;
  return {
    type: 'EndpointFailing',
    ...idsOf('failing'),
    failingSinceMs,
    disabledAtMs: failingSinceMs + disableAfterMs,
  };
}
