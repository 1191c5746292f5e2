// A deadline for whatever is asked of the client: a connection that breaks can leave it with requests that it never answers.

import type { Broker } from './kafka-wire.ts';
import { LogUnavailable } from './log.ts';

/** An answer that is not there by then counts as failed for the client. */
export const ANSWER_WITHIN_MS = 6_000;
/** How long anything asked of the client may take beyond what it waits for on purpose. */
const LOST_AFTER_MS = ANSWER_WITHIN_MS + 4_000;

/** The broker, each of whose requests has a deadline. */
export function guarded(broker: Broker): Broker {
  return new Proxy(broker, {
    get(target, name) {
      const found = Reflect.get(target, name);
      if (typeof found !== 'function') return found;
      return (request: { maxWaitTime?: number; rebalanceTimeout?: number }) =>
        inTime(found.call(target, request), request.maxWaitTime ?? request.rebalanceTimeout);
    },
  });
}

/** The answer; rejects with LogUnavailable when there is none `waitsMs` and more than any broker takes after it was asked for. */
export async function inTime<T>(answer: Promise<T>, waitsMs = 0): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new LogUnavailable('Kafka: no answer')), waitsMs + LOST_AFTER_MS);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
