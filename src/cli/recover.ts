// hooklane deliveries recover: everything that an endpoint missed since some time is tried again, at its gap's pace,
// oldest first. Each is an event in the log, so what was asked for goes on when this command is stopped, and asking
// again changes nothing for what is pending.

import { setTimeout as delay } from 'node:timers/promises';
import { retryWebhooks } from '../command/admin/retry.ts';
import type { EventType } from '../events.ts';
import { parseTime } from '../query/filters.ts';
import type { Queries, Retryable } from '../query/queries.ts';
import { toIso } from '../time.ts';
import { CommandFailed } from './failed.ts';
import { note, printFields, printJson } from './output.ts';
import { clearProgress, showProgress } from './progress.ts';
import { stopSignal } from './stopped.ts';
import { type AdminStores, withAdministrator } from './stores.ts';

/** Webhooks that are asked for in one step, and that may wait for their turn. */
const BATCH = 100;
const MAX_WAITING = 1_000;
const CHECK_MS = 100;
/** Each so many checks it is looked whether the endpoint is still active. */
const CHECKS_OF_ENDPOINT = 20;
/** What tells that a webhook has had its turn. */
const TURNS: readonly EventType[] = ['WebhookProcessed', 'AttemptFailed', 'WebhookFailed'];

export interface RecoverOptions {
  endpoint: string;
  since: string;
  json?: true;
}

export async function recover({ endpoint, since, json }: RecoverOptions): Promise<void> {
  const signal = stopSignal();
  const result = await withAdministrator(async (stores) => {
    const endpointId = await stores.queries.resolve('endpoint', endpoint);
    const from = toIso(parseTime('since', since, Date.now()));
    return recoverEndpoint(stores, { endpointId, since: from }, signal);
  });
  if (json) printJson(result);
  else printFields(result);
}

type Missed = { endpointId: string; since: string };

async function recoverEndpoint(stores: AdminStores, missed: Missed, signal: AbortSignal) {
  const turns = await watchTurns(stores, missed.endpointId, signal);
  const asked = new Set<string>();
  const served = await stores.log.served();
  let last = Number.POSITIVE_INFINITY;
  try {
    for (;;) {
      const ids = (await missedIds(stores.queries, missed)).filter((id) => !asked.has(id));
      // What came meanwhile may have been omitted, as the endpoint was busy: it belongs to what was missed. Where as
      // much comes as goes, that would never end.
      if (ids.length === 0 || ids.length >= last) {
        if (ids.length > 0)
          note(`${ids.length} more were missed meanwhile: they come faster than the gap lets them go`);
        break;
      }
      last = ids.length;
      for (let at = 0; at < ids.length && !signal.aborted; at += BATCH) {
        const batch = ids.slice(at, at + BATCH);
        await ask(stores, batch);
        for (const id of batch) asked.add(id);
        const room = () => !served || asked.size - turns.count(asked) <= MAX_WAITING;
        await turns.until(room, asked, ids.length);
      }
      if (!served || signal.aborted) break;
      await turns.until(() => turns.count(asked) >= asked.size, asked, asked.size);
      if (signal.aborted) break;
      await stores.caughtUp(turns.position());
    }
  } finally {
    await turns.close();
  }
  if (!served) note('No server runs here: they are sent when one does.');
  else if (signal.aborted) note('Stopped watching: what was asked for goes on.');
  return { ...missed, asked: asked.size, ...turns.outcomes(asked) };
}

/** What the endpoint missed, oldest first. */
async function missedIds(queries: Queries, { endpointId, since }: Missed): Promise<string[]> {
  const ids: string[] = [];
  for (const status of ['error', 'omitted']) {
    for (let cursor: string | null = ''; cursor !== null; ) {
      const filters = { endpoint: endpointId, since, status, limit: '200', ...(cursor && { cursor }) };
      const page = await queries.list('deliveries', filters);
      ids.push(...page.items.map(({ id }) => String(id)));
      cursor = page.cursor;
    }
  }
  return ids.sort();
}

async function ask({ queries, administrator }: AdminStores, ids: readonly string[]): Promise<void> {
  const webhooks: Retryable[] = [];
  for (const id of ids) {
    const webhook = await queries.retryable(id);
    // It may have been tried again by somebody else since it was listed.
    if (webhook.status === 'error' || webhook.status === 'omitted') webhooks.push(webhook);
  }
  await administrator.run((context) => retryWebhooks(context, webhooks));
}

/** Follows what becomes of webhooks from now on. */
async function watchTurns({ log, queries }: AdminStores, endpointId: string, signal: AbortSignal) {
  const closing = new AbortController();
  const outcomes = new Map<string, 'processed' | 'failed'>();
  const from = Object.fromEntries((await log.ends('outbound')).entries());
  const next: Record<number, number> = { ...from };
  const following = (async () => {
    for await (const batch of log.follow('outbound', { from, types: TURNS, signal: closing.signal })) {
      next[batch.partition] = batch.next;
      for (const { event } of batch.events) {
        // What fails now may still succeed by its schedule.
        if (event.type === 'WebhookProcessed') outcomes.set(event.webhookId, 'processed');
        else outcomes.set(event.webhookId, 'failed');
      }
    }
  })();
  const count = (ids: ReadonlySet<string>) => {
    let known = 0;
    for (const id of ids) if (outcomes.has(id)) known++;
    return known;
  };
  const isActive = async () => (await queries.show('endpoints', endpointId)).status === 'active';
  return {
    count,
    /** Waits for a condition, showing how many of `asked` have had their turn; also ends when somebody stops it. */
    async until(condition: () => boolean, asked: ReadonlySet<string>, total: number): Promise<void> {
      for (let checks = 1; !condition() && !signal.aborted; checks++) {
        showProgress('deliveries', count(asked), total);
        // What is asked for an endpoint that has been disabled meanwhile comes to nothing.
        if (checks % CHECKS_OF_ENDPOINT === 0 && !(await isActive())) {
          clearProgress();
          throw new CommandFailed(`${endpointId} was disabled meanwhile; enable it, and recover again`);
        }
        await Promise.race([delay(CHECK_MS, undefined, { signal }), following]).catch(ifAborted(signal));
      }
      clearProgress();
    },
    position: () =>
      Object.entries(next)
        .filter(([, offset]) => offset > 0)
        .map(([partition, offset]) => ({
          topic: 'outbound' as const,
          partition: Number(partition),
          offset: offset - 1,
        })),
    outcomes(asked: ReadonlySet<string>) {
      const all = [...asked].map((id) => outcomes.get(id));
      const having = (outcome: string) => all.filter((one) => one === outcome).length;
      return { processed: having('processed'), failed: having('failed') };
    },
    async close() {
      closing.abort();
      await following;
    },
  };
}

function ifAborted(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}
