// Idempotency-Key: what is asked for again under the same key, within 24 hours, is answered as the first time and not done
// again. Held together by three things, none of which the log has to know of:
//
//   the event      bears the hashes of its key and body
//   a read model   tells by them what came under a key; it is made from the log, later
//   a claim        on the key, in the store of the read models, bridges that time (see views/claims.ts)
//
//     claim ─ mine ──▶ look into the read model ─ not there ──▶ append, before the lease is over ──▶ claim done
//       │                          └ there: a repeat
//       ├ another's, done: a repeat
//       ├ another's, whose lease lasts: wait, and claim again
//       └ another's, whose lease is over: wait until the read model has all that is in the log, look into it; not there:
//         nothing was appended, and nothing will be: take the claim over, and the id with it
//
// The read model is looked into after the claim is made: one that was there before is only taken away once the read model
// has what came of it. What was claimed before a process started may be lost with the machine; so nothing is claimed before
// the read model has all that was in the log at the first time that somebody asks.

import { hash } from 'node:crypto';
import { type Keyed, UNKEYED } from '../events.ts';
import { newId, type Prefix, siblingId, timeOf } from '../ids.ts';
import { MAX_SKEW_MS, type Time } from '../time.ts';
import type { Claim } from '../views/claims.ts';
import { type Views, ViewsUnavailable } from '../views/views.ts';

/** How long a key counts. */
const COUNTS_MS = 24 * 3_600_000;
/** Longer than a holder may take to begin to append, with the longest that an append takes. */
const LEASE_MS = 15_000;
/** After this time a holder does not append any more. */
const APPEND_WITHIN_MS = 3_000;
/** How long a request waits for another one under its key, and how often it looks: at first, and at the most rarely. */
const WAIT_MS = 5_000;
const FIRST_LOOK_MS = 5;
const MAX_LOOK_MS = 100;

/** What the event of a request bears beside what was asked for. */
export interface Stamp<P extends Prefix> extends Keyed {
  id: `${P}_${string}`;
}

export interface Asked<P extends Prefix> {
  /** Where the key counts: the same one elsewhere is another one. */
  scope: string;
  /** Undefined: there is none, and each request is one of its own. */
  key: string | undefined;
  body: string | Buffer;
  /** Of the id of what comes of it. */
  prefix: P;
}

const WHY = {
  REUSED: 'this Idempotency-Key was used before, with another body; another request needs another key',
  IN_USE:
    'another request with this Idempotency-Key is under way, or it is not known yet what became of it; try again later',
  CATCHING_UP:
    'what was posted before is still being looked through for Idempotency-Keys; nothing was accepted, try again later',
  TOO_SLOW: 'it took too long to see whether this is a repeat; nothing was accepted, try again later',
} as const;

/** Why nothing is done for a request with an Idempotency-Key; but for REUSED it is worth asking again, after a while. */
export class OnceRefused extends Error {
  readonly code = 'ONCE_REFUSED';
  readonly why: keyof typeof WHY;
  readonly retryAfterSeconds: number;
  constructor(why: keyof typeof WHY, retryAfterSeconds = 1) {
    super(WHY[why]);
    this.name = 'OnceRefused';
    this.why = why;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * Does what is asked for, and appends its event: with what `stamp` gives, at once. That throws OnceRefused where it has
 * become too late to append. Who rejects before has refused, and the key is free again.
 */
export type Work<P extends Prefix> = (stamp: () => Stamp<P>) => Promise<unknown>;

/**
 * Has work done once for all who ask for the same; `replayed`: it was done for another request. Rejects as `work` does, and
 * with OnceRefused, ViewsUnavailable and LogUnavailable.
 */
export type Once = <P extends Prefix>(
  asked: Asked<P>,
  work: Work<P>,
) => Promise<{ id: `${P}_${string}`; replayed: boolean }>;

export interface OnceOptions {
  views: Pick<Views, 'find' | 'claims'>;
  /** Whether the read model of keys has all that is in the log now; bounded. */
  caughtUp: () => Promise<boolean>;
  time: Time;
}

export function createOnce({ views, caughtUp, time }: OnceOptions): Once {
  const { claims } = views;
  let started: Promise<void> | undefined;

  async function ensureCaughtUp(): Promise<void> {
    if (!(await caughtUp())) throw new OnceRefused('CATCHING_UP');
  }

  /** All who ask wait for the same; who asks after it has failed begins anew. */
  async function ensureStarted(): Promise<void> {
    started ??= ensureCaughtUp();
    const own = started;
    try {
      await own;
    } catch (error) {
      if (started === own) started = undefined;
      throw error;
    }
  }

  /** What came under a key, as the read model knows it. */
  async function known(key: string, prefix: Prefix): Promise<Pick<Claim, 'id' | 'body'> | undefined> {
    const [found] = await views.find('idempotencyKeys', {
      where: [{ field: 'keyHash', eq: key }],
      limit: 1,
    });
    if (found === undefined || isOld(found.id)) return undefined;
    return { id: siblingId(prefix, found.id), body: String(found.bodyHash) };
  }

  function isOld(id: string): boolean {
    return timeOf(id) + COUNTS_MS <= time.now();
  }

  /** Waits a while if there is time left; else says when the claim's lease is over. */
  async function wait({ untilMs }: Claim, sinceMs: number, looks: number): Promise<void> {
    const leftMs = sinceMs + WAIT_MS - time.elapsed();
    if (leftMs > 0) {
      const lookMs = Math.min(FIRST_LOOK_MS * 2 ** looks, MAX_LOOK_MS, leftMs);
      return new Promise((resolve) => void time.after(lookMs, resolve));
    }
    const freeInMs = untilMs + MAX_SKEW_MS - time.now();
    throw new OnceRefused('IN_USE', Math.max(1, Math.ceil(freeInMs / 1_000)));
  }

  /** The claim on the key, held from now on; or what came of another request under it. */
  async function claimOrFind(
    wanted: () => Claim,
    prefix: Prefix,
  ): Promise<{ held: Claim } | { found: Pick<Claim, 'id' | 'body'> }> {
    const sinceMs = time.elapsed();
    for (let looks = 0; ; looks++) {
      const claim = wanted();
      const there = await claims.claim(claim);
      const isMine = there.id === claim.id;
      const isDead = isOld(there.id) || (!there.done && there.untilMs + MAX_SKEW_MS <= time.now());
      if (!isMine && there.done && !isDead) return { found: there };
      // What its holder has appended is to be found in the read model from now on.
      if (!isMine && isDead) await ensureCaughtUp();
      const found = await known(claim.key, prefix);
      if (found !== undefined) {
        if (isMine) await claims.release(claim).catch(ifAway);
        return { found };
      }
      if (isMine) return { held: claim };
      if (isDead) {
        const taken = isOld(there.id) ? claim : { ...claim, id: there.id };
        if (await claims.replace(there, taken)) return { held: taken };
      } else await wait(there, sinceMs, looks);
    }
  }

  return async (asked, work) => {
    const { scope, key, body, prefix } = asked;
    const idNow = () => newId(prefix, time.now());
    if (key === undefined) {
      const id = idNow();
      await work(() => ({ id, ...UNKEYED }));
      return { id, replayed: false };
    }
    const keyHash = hash('sha256', `${scope}\n${key}`, 'hex');
    const bodyHash = hash('sha256', body, 'hex');
    await ensureStarted();
    let heldMs = 0;
    const wanted = () => {
      heldMs = time.elapsed();
      return { key: keyHash, body: bodyHash, id: idNow(), untilMs: time.now() + LEASE_MS, done: false };
    };
    const outcome = await claimOrFind(wanted, prefix);
    if ('found' in outcome) {
      const { found } = outcome;
      if (found.body !== bodyHash) throw new OnceRefused('REUSED');
      return { id: siblingId(prefix, found.id), replayed: true };
    }
    const { held } = outcome;
    const id = siblingId(prefix, held.id);
    let isStamped = false;
    const stamp = () => {
      if (time.elapsed() - heldMs > APPEND_WITHIN_MS) throw new OnceRefused('TOO_SLOW');
      isStamped = true;
      return { id, keyHash, bodyHash };
    };
    try {
      await work(stamp);
    } catch (error) {
      // Once it is stamped nobody can say whether it is in the log: who comes after the lease finds out.
      if (!isStamped) await claims.release(held).catch(ifAway);
      throw error;
    }
    await claims.replace(held, { ...held, done: true }).catch(ifAway);
    return { id, replayed: false };
  };
}

/** It does not matter to who asked: a claim that stays as it is ends with its lease, and then the read model knows. */
function ifAway(error: unknown): void {
  if (!(error instanceof ViewsUnavailable)) throw error;
}
