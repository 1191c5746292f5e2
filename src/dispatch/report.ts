// What the dispatcher tells of its work: one wide line for each attempt, and one for what becomes of an endpoint by
// itself. Ids, codes and times; no secret, no payload, no answer, and no URL, as there may be a secret in it.

import type { Logger } from 'pino';
import type { AttemptFailed, HooklaneEvent, WebhookProcessed } from '../events.ts';
import { toIso } from '../time.ts';

/** Logs what a turn has committed. */
export function logTurn(logger: Pick<Logger, 'info' | 'warn'>, events: readonly HooklaneEvent[]): void {
  for (const event of events) {
    switch (event.type) {
      case 'WebhookProcessed':
        logger.info(attemptLine(event, 'processed', {}), 'attempt');
        break;
      case 'AttemptFailed': {
        const { error, nextAttemptAtMs: next } = event;
        const outcome = next === null ? 'error' : 'failed';
        const rest = { error, nextAttemptAt: next === null ? null : toIso(next) };
        logger.info(attemptLine(event, outcome, rest), 'attempt');
        break;
      }
      case 'EndpointFailing': {
        const { organizationId: organization, endpointId: endpoint } = event;
        const disabledAt = toIso(event.disabledAtMs);
        const failingSince = toIso(event.failingSinceMs);
        logger.warn(
          { organization, endpoint, failingSince, disabledAt },
          'an endpoint does nothing but fail, and will be disabled',
        );
        break;
      }
      case 'EndpointDisabled': {
        const { organizationId: organization, endpointId: endpoint, reason } = event;
        logger.warn({ organization, endpoint, reason }, 'an endpoint was disabled');
        break;
      }
      default:
    }
  }
}

function attemptLine(event: AttemptFailed | WebhookProcessed, outcome: string, rest: object): object {
  const { organizationId: organization, endpointId: endpoint, webhookId: webhook } = event;
  const { attempt, responseCode: code, durationMs } = event;
  return { organization, endpoint, webhook, attempt, outcome, code, durationMs, ...rest };
}
