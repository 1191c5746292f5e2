// Doing what operations.ts names: decided and appended by the administrator, and under an Idempotency-Key once.

import type { Once } from '../once.ts';
import type { Scrubber } from '../scrub.ts';
import type { Administrator } from './administrator.ts';
import { decide, type Operation } from './operations.ts';
import { parsePublished, publishEvent } from './publish.ts';

export interface Performing {
  administrator: Administrator;
  once: Once;
  scrubber: Scrubber;
}

/** Resolves to the answer once it is durable; `replayed`: it was, before. Rejects as Administrator.run() and Once do. */
export async function perform(
  operation: Operation,
  { administrator, once, scrubber }: Performing,
): Promise<{ answer: object; replayed: boolean }> {
  if (operation.type !== 'publish' || operation.idempotencyKey === undefined) {
    return { answer: await administrator.run((context) => decide(context, operation)), replayed: false };
  }
  const { organization, input, idempotencyKey: key } = operation;
  // However the request had it written; and without secrets, which a hash of few unknown digits would tell.
  const { kind, data } = parsePublished(input);
  const asked = {
    scope: `${organization} events`,
    key,
    body: JSON.stringify([kind, scrubber.json(data)]),
    prefix: 'evt',
  } as const;
  const { id, replayed } = await once(asked, (stamp) =>
    administrator.run((context) => publishEvent(context, organization, input, stamp)),
  );
  return { answer: { id }, replayed };
}
