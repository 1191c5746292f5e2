// Everything that an endpoint missed since some time is tried again, oldest first, a bounded number at a time.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { timeOf } from '../../ids.ts';
import { PayloadGone } from '../../query/errors.ts';
import type { Queries, Retryable } from '../../query/queries.ts';
import { toIso } from '../../time.ts';
import type { Administrator } from './administrator.ts';
import { MAX_RETRIED_BYTES, retryWebhooks } from './retry.ts';

/** Webhooks that are asked for in one step: they wait for their turn in the lane's memory. */
export const MAX_RECOVERED = 1_000;
/** Of a page of a list. */
const PAGE = '200';

/** What an endpoint missed: webhooks in error or omitted. */
export interface Missed {
  endpointId: string;
  /** From then on; an ISO 8601 time. */
  since: string;
  /** Only those made after this one: the last of the step before, of `ids` and `gone`. */
  after?: string | undefined;
}

/** What came of a step. */
export interface Recovered {
  /** What was asked for, oldest first. */
  ids: string[];
  /** What cannot be tried again, as its payload is no longer kept. */
  gone: string[];
  /** How many more there are. */
  remaining: number;
}

/**
 * Asks for the oldest MAX_RECOVERED of them, or for as many as have MAX_RETRIED_BYTES together. Idempotent: what is pending
 * already stays as it is. Throws EndpointIsDisabled.
 */
export async function recoverMissed(
  { queries, administrator }: { queries: Queries; administrator: Administrator },
  missed: Missed,
): Promise<Recovered> {
  const { ids: oldest, count } = await oldestMissed(queries, missed);
  const webhooks: Retryable[] = [];
  const ids: string[] = [];
  const gone: string[] = [];
  let bytes = 0;
  for (const id of oldest) {
    if (bytes >= MAX_RETRIED_BYTES) break;
    const webhook = await retryable(queries, id);
    if (webhook === undefined) {
      gone.push(id);
      continue;
    }
    ids.push(id);
    // It may have been tried again by somebody else since it was listed.
    if (webhook.status !== 'error' && webhook.status !== 'omitted') continue;
    webhooks.push(webhook);
    bytes += webhook.body.length;
  }
  await administrator.run((context) => retryWebhooks(context, webhooks));
  return { ids, gone, remaining: count - ids.length - gone.length };
}

async function retryable(queries: Queries, id: string): Promise<Retryable | undefined> {
  try {
    return await queries.retryable(id);
  } catch (error) {
    if (error instanceof PayloadGone) return undefined;
    throw error;
  }
}

/** Lists are newest first, so all of them are gone through; only the oldest are kept. */
async function oldestMissed(
  queries: Pick<Queries, 'list'>,
  { endpointId, since, after = '' }: Missed,
): Promise<{ ids: string[]; count: number }> {
  let ids: string[] = [];
  let count = 0;
  const from = after === '' ? since : toIso(Math.max(Date.parse(since), timeOf(after)));
  for (const status of ['error', 'omitted']) {
    for (let cursor: string | null = ''; cursor !== null; ) {
      const filters = { endpoint: endpointId, since: from, status, limit: PAGE, ...(cursor && { cursor }) };
      // SQLite answers at once: a server must come to other requests meanwhile.
      await nextTurn();
      const page = await queries.list('deliveries', filters);
      const found = page.items.map(({ id }) => String(id)).filter((id) => id > after);
      count += found.length;
      ids = [...ids, ...found].sort().slice(0, MAX_RECOVERED);
      cursor = page.cursor;
    }
  }
  return { ids, count };
}
