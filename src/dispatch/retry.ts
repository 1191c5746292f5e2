// When a failed attempt is followed by another one. Pure.

import type { AttemptError, EndpointSettings } from '../events.ts';

/**
 * When the attempt after number `attempt` (1 for the first), which failed at `nowMs`, is to start; null: never.
 * An attempt that never left for certain is made up for at once, whatever the schedule says; an address that is
 * refused once is refused for ever.
 */
export function nextAttemptAtMs(
  endpoint: EndpointSettings,
  attempt: number,
  error: AttemptError,
  nowMs: number,
): number | null {
  if (error === 'interrupted') return nowMs;
  const delayMs = endpoint.retriesMs[attempt - 1];
  return delayMs === undefined || error === 'address' ? null : nowMs + delayMs;
}
