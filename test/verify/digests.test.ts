// A digest tells what was omitted for it, once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestData } from '../../src/dispatch/digest.ts';
import type { OrganizationEvent } from '../../src/events.ts';
import {
  AT_MS,
  endpointCreated,
  eventPublished,
  id,
  omitted,
  organizationCreated,
  scheduled,
} from '../projections/facts.ts';
import { found, judge } from './history.ts';

const kind = 'order.paid';
const COUNT = 30;
const all = Array.from({ length: COUNT }, (_, i) => i + 1);
const organizations: OrganizationEvent[] = [
  organizationCreated(),
  endpointCreated({ events: ['order.*'], whenBusy: 'digest' }),
  ...all.map((n) => eventPublished({ eventId: id('evt', n) })),
];
const gathered = (n: number) =>
  omitted({ webhookId: id('wh', n), eventId: id('evt', n), kind, reason: 'digest' });

/** A digest of so many, that names these, oldest first. */
function digest(number: number, count: number, named: number[]) {
  const newest = named.map((n) => {
    return { eventId: id('evt', n), webhookId: id('wh', n), kind, atMs: AT_MS, summary: null };
  });
  const data = { dueAtMs: AT_MS, sinceMs: AT_MS, untilMs: AT_MS, counts: [{ kind, count }], newest };
  const ids = { webhookId: id('wh', 100 + number), eventId: id('evt', 100 + number) };
  return scheduled({ ...ids, kind: 'digest', digest: digestData(data) });
}

test('one that tells of all, and names the newest twenty, is as it must be', async () => {
  const outbound = [...all.map(gathered), digest(1, COUNT, all.slice(-20))];
  const { findings, checks } = await judge({ organizations, outbound });
  assert.deepEqual([findings, checks.find(({ name }) => name === 'digests')?.checked], [[], 1]);
});

test('one that tells only the last of it is too: the rest was dropped when the endpoint was disabled', async () => {
  const outbound = [...all.map(gathered), digest(1, 2, [29, 30])];
  assert.deepEqual(await found({ organizations, outbound }), []);
});

test('one that tells of more, of others, or of what was told is found', async () => {
  const few = all.slice(0, 3);
  const history = (...digests: ReturnType<typeof digest>[]) => ({
    organizations: organizations.slice(0, 2 + few.length),
    outbound: [...few.map(gathered), ...digests],
  });
  assert.deepEqual(await found(history(digest(1, 3, few))), []);
  const wrong = [[digest(1, 4, [...few, 4])], [digest(1, 3, [2, 1, 3])], [digest(1, 2, few)]];
  for (const digests of wrong) assert.equal((await found(history(...digests))).length, 1);
  assert.deepEqual(await found(history(digest(1, 3, few), digest(2, 1, [3]))), [
    `digests: ${id('wh', 102)} is a digest of 1 for ${id('ep')}, for which 0 were omitted; it names ${id('wh', 3)}`,
  ]);
  const unreadable = { ...digest(1, 3, few), digest: '{"count":' };
  assert.equal((await found(history(unreadable))).length, 1);
});

test('of one that tells of what may have been pruned nothing is said', async () => {
  assert.deepEqual(await found({ outbound: [digest(1, 3, [1, 2, 3])] }, { horizonMs: AT_MS + 1 }), []);
});
