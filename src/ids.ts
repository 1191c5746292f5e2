// Ids: a prefix that tells what it names, then a ULID (26 characters of Crockford's base 32, the first ten of
// them the time in milliseconds), so that ids sort by the time they were made.
//
// What is made out of one thing shares that thing's ULID: the inbound webhook `in_X` becomes the log `log_X`,
// whose trigger is `evt_X`. Whoever holds one id can write down the others, and doing a step twice gives the
// same ids.

import { hash, randomFillSync } from 'node:crypto';
import { decodeTime, encodeTime, monotonicFactory, TIME_MAX } from 'ulid';

export type OrganizationId = `org_${string}`;
export type ProjectId = `prj_${string}`;
export type IntegrationId = `int_${string}`;
export type EndpointId = `ep_${string}`;
export type InboundId = `in_${string}`;
export type LogId = `log_${string}`;
export type EventId = `evt_${string}`;
export type WebhookId = `wh_${string}`;
export type TokenId = `tok_${string}`;

/** What an id may name, by its prefix. */
export type Prefix =
  | ('org' | 'prj' | 'int' | 'ep' | 'in' | 'log' | 'evt' | 'wh')
  | ('tok' | 'aud' | 'key')
  | ('rpl' | 'vrf' | 'prn');

/** Random bytes that are drawn at once: drawn one by one, as `ulid` does, those of one id cost more than all else of it. */
const pool = new Uint8Array(4_096);
let poolAt = pool.length;

/** A random number from 0 to less than 1, in steps of 1/256: a character of a ULID takes five bits of it. */
function randomFraction(): number {
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  return (pool[poolAt++] ?? 0) / 256;
}

const nextUlid = monotonicFactory(randomFraction);

/** A new id; ids made by one process sort in the order in which they were made, also within a millisecond. */
export function newId<P extends Prefix>(prefix: P, nowMs?: number): `${P}_${string}` {
  return `${prefix}_${nextUlid(nowMs)}`;
}

/** The id of what is made out of `id`: the same ULID behind another prefix. */
export function siblingId<P extends Prefix>(prefix: P, id: string): `${P}_${string}` {
  return `${prefix}_${id.slice(id.indexOf('_') + 1)}`;
}

/** An id that the same time and the same `parts` always give: 80 bits of their SHA-256 stand for the randomness. */
export function derivedId<P extends Prefix>(prefix: P, atMs: number, parts: string): `${P}_${string}` {
  const digest = hash('sha256', parts, 'buffer');
  let random = '';
  // 5 bits a character, 8 characters from each 5 bytes.
  for (let at = 0; at < 10; at += 5) {
    let bits = digest.readUIntBE(at, 5);
    let group = '';
    for (let i = 0; i < 8; i++) {
      group = BASE32[bits % 32] + group;
      bits = Math.floor(bits / 32);
    }
    random += group;
  }
  return `${prefix}_${encodeTime(atMs, 10)}${random}`;
}

/**
 * The id of what an event is, by its time and where it stands: of one moment and partition they sort as the events do. It
 * is made of whatever time the event says, as nothing can refuse an event.
 */
export function placedId<P extends Prefix>(
  prefix: P,
  atMs: number,
  { partition, offset }: { partition: number; offset: number },
): `${P}_${string}` {
  const time = encodeTime(Math.min(Math.max(0, atMs), TIME_MAX), 10);
  return `${prefix}_${time}${encodeTime(offset, 12)}${encodeTime(partition, 4)}`;
}

const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** When an id was made, in milliseconds since 1970. */
export function timeOf(id: string): number {
  return decodeTime(id.slice(id.indexOf('_') + 1));
}

/** Sorts after every id with this prefix that was made before `atMs`, and before the others. */
export function leastId(prefix: Prefix, atMs: number): string {
  return `${prefix}_${encodeTime(atMs, 10)}`;
}

/** Whether `text` has the form of an id with this prefix. It says nothing about whether such a thing exists. */
export function isId<P extends Prefix>(prefix: P, text: string): text is `${P}_${string}` {
  return text.startsWith(`${prefix}_`) && ULID.test(text.slice(prefix.length + 1));
}

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
