// hooklane deliveries recover: everything that an endpoint missed since some time is tried again, at its gap's pace,
// oldest first. Each is an event in the log, so what was asked for goes on when this command is stopped, and asking
// again changes nothing for what is pending.

import { setTimeout as delay } from 'node:timers/promises';
import { MAX_RECOVERED } from '../command/admin/recover.ts';
import { parseTime } from '../query/filters.ts';
import type { Item } from '../query/shapes.ts';
import { toIso } from '../time.ts';
import type { Api } from './api.ts';
import { CommandFailed } from './failed.ts';
import { note, printFields, printJson } from './output.ts';
import { clearProgress, showProgress } from './progress.ts';
import { stopSignal } from './stopped.ts';
import { withApi } from './with-api.ts';

/** With no more than so many that wait for their turn, the next are asked for. */
const FEW_WAITING = MAX_RECOVERED / 2;
const CHECK_MS = 100;
/** Each so many checks it is looked whether the endpoint is still active, and after so many of those that wait for longest. */
const CHECKS_OF_ENDPOINT = 20;
const LOOKED_AFTER = 20;

export interface RecoverOptions {
  endpoint: string;
  since: string;
  json?: true;
}

export async function recover({ endpoint, since, json }: RecoverOptions): Promise<void> {
  const signal = stopSignal();
  const result = await withApi(async (api) => {
    const endpointId = await api.resolve('endpoint', endpoint);
    const from = toIso(parseTime('since', since, Date.now()));
    return recoverEndpoint(api, { endpointId, since: from }, signal);
  });
  if (result.gone > 0) note(`${result.gone} cannot be sent again: their payloads are no longer kept`);
  if (json) printJson(result);
  else printFields(result);
}

async function recoverEndpoint(api: Api, missed: { endpointId: string; since: string }, signal: AbortSignal) {
  const turns = await watchTurns(api, missed.endpointId, signal);
  const served = await api.served();
  let lastRound = Number.POSITIVE_INFINITY;
  let gone = 0;
  const result = () => ({ ...missed, ...turns.outcomes(), gone });
  try {
    for (let after: string | undefined; ; ) {
      let round = 0;
      for (let remaining = 1; remaining > 0 && !signal.aborted; ) {
        const step = await api.recover({ ...missed, after });
        // What came meanwhile may have been omitted, as the endpoint was busy: it belongs to what was missed. Where as
        // much comes as goes, that would never end.
        if (round === 0 && step.ids.length + step.remaining >= lastRound) {
          note('More were missed meanwhile: they come as fast as the gap lets them go');
          return result();
        }
        turns.expect(step.ids);
        gone += step.gone.length;
        round += step.ids.length;
        remaining = step.remaining;
        after = [...step.ids, ...step.gone].sort().at(-1) ?? after;
        if (served) await turns.until(remaining === 0 ? 0 : FEW_WAITING, remaining);
      }
      if (!served) note('No server runs here: they are sent when one does.');
      else if (signal.aborted) note('Stopped watching: what was asked for goes on.');
      else if (round > 0) {
        lastRound = round;
        continue;
      }
      return result();
    }
  } finally {
    clearProgress();
    await turns.close();
  }
}

/** Follows what becomes of an endpoint's webhooks from now on. */
async function watchTurns(api: Api, endpointId: string, signal: AbortSignal) {
  const closing = new AbortController();
  /** Of what had its turn, also before we know that it was asked for. */
  const outcomes = new Map<string, 'processed' | 'failed'>();
  const asked = new Set<string>();
  const waiting = new Set<string>();
  const items = await api.tail('deliveries', AbortSignal.any([signal, closing.signal]));
  function settle(id: string, outcome: 'processed' | 'failed'): void {
    outcomes.set(id, outcome);
    waiting.delete(id);
  }
  const following = (async () => {
    for await (const item of items) {
      const outcome = outcomeOf(item);
      if (outcome === undefined || item.endpointId !== endpointId) continue;
      settle(String(item.id), outcome);
    }
  })();
  // Told to who waits.
  following.catch(() => {});
  const isActive = async () => (await api.show('endpoints', endpointId)).status === 'active';
  const having = (wanted: string) => [...asked].filter((id) => outcomes.get(id) === wanted).length;
  /** Read models that lagged behind may have named what had its turn before it was followed: nothing more is told of that. */
  async function lookAfterOldest(): Promise<void> {
    for (const id of [...waiting].slice(0, LOOKED_AFTER)) {
      if ((await api.show('deliveries', id)).status !== 'processed') continue;
      settle(id, 'processed');
    }
  }
  return {
    expect(ids: readonly string[]): void {
      for (const id of ids) {
        asked.add(id);
        if (!outcomes.has(id)) waiting.add(id);
      }
    },
    /** Waits until no more than `few` wait for their turn, showing how far it is; also ends when somebody stops it. */
    async until(few: number, remaining: number): Promise<void> {
      for (let checks = 1; waiting.size > few && !signal.aborted; checks++) {
        showProgress('deliveries', asked.size - waiting.size, asked.size + remaining);
        // What is asked for an endpoint that has been disabled meanwhile comes to nothing.
        if (checks % CHECKS_OF_ENDPOINT === 0) {
          if (!(await isActive()))
            throw new CommandFailed(`${endpointId} was disabled meanwhile; enable it, and recover again`);
          await lookAfterOldest();
        }
        await Promise.race([delay(CHECK_MS, undefined, { signal }), following]).catch(ifAborted(signal));
      }
    },
    outcomes: () => ({ asked: asked.size, processed: having('processed'), failed: having('failed') }),
    async close() {
      closing.abort();
      await following;
    },
  };
}

/** What an attempt came to, as far as is known now: what has failed may still succeed by its schedule. */
function outcomeOf({ status, attemptCount }: Item): 'processed' | 'failed' | undefined {
  if (status === 'processed') return 'processed';
  return status === 'error' || (status === 'pending' && Number(attemptCount) > 0) ? 'failed' : undefined;
}

function ifAborted(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}
