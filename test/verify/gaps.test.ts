// No two requests to one endpoint started closer together than its gap.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OrganizationEvent, OutboundEvent } from '../../src/events.ts';
import {
  AT_MS,
  attemptFailed,
  attemptStarted,
  endpointChanged,
  endpointCreated,
  eventPublished,
  id,
  omitted,
  organizationCreated,
  processed,
  scheduled,
} from '../projections/facts.ts';
import { found, judge } from './history.ts';

const GAP_MS = 5_000;
const MINUTE_MS = 60_000;
const kind = 'order.paid';
const created = endpointCreated({ events: ['order.*'], gapMs: GAP_MS });
const trigger = (n: number) => eventPublished({ eventId: id('evt', n) });
const about = (n: number) => ({ webhookId: id('wh', n), eventId: id('evt', n), kind });
/** A webhook that is started at one moment, leaves at another one and is answered. */
function sent(n: number, atMs: number, leftAtMs = atMs): OutboundEvent[] {
  const { webhookId } = about(n);
  return [
    scheduled({ ...about(n), atMs }),
    attemptStarted({ webhookId, atMs }),
    processed({ webhookId, atMs: leftAtMs, startedAtMs: leftAtMs }),
  ];
}
const organizations: OrganizationEvent[] = [organizationCreated(), created, trigger(1), trigger(2)];

test('two that are a gap apart are as they must be; closer ones are found', async () => {
  const outbound = (ms: number) => [...sent(1, AT_MS), ...sent(2, AT_MS + ms)];
  const { findings, checks } = await judge({ organizations, outbound: outbound(GAP_MS) });
  assert.deepEqual([findings, checks.find(({ name }) => name === 'gaps')?.checked], [[], 1]);
  assert.deepEqual(await found({ organizations, outbound: outbound(GAP_MS - 1) }), [
    `gaps: attempt 1 of ${id('wh', 2)} to ${id('ep')} started 4999 ms after attempt 1 of ${id('wh', 1)}, and the gap is 5000 ms`,
  ]);
});

test('what counts is when a request left, where that was later than its claim', async () => {
  const outbound = [...sent(1, AT_MS, AT_MS + 3), ...sent(2, AT_MS + GAP_MS + 2)];
  assert.equal((await found({ organizations, outbound })).length, 1);
});

test('a claim that was made before its time counts from that, and says nothing of the clock', async () => {
  const first = sent(1, AT_MS);
  const second = (startsAtMs: number): OutboundEvent[] => [
    scheduled({ ...about(2), atMs: AT_MS + 1 }),
    attemptStarted({ webhookId: id('wh', 2), atMs: AT_MS + GAP_MS - 20, startsAtMs }),
    // Of another webhook of the organization, meanwhile.
    omitted({ ...about(3), atMs: AT_MS + GAP_MS - 10 }),
  ];
  const history = (startsAtMs: number) =>
    judge({ organizations: [...organizations, trigger(3)], outbound: [...first, ...second(startsAtMs)] });
  const kept = await history(AT_MS + GAP_MS);
  assert.deepEqual([kept.findings, kept.open.clocksPutBack], [[], 0]);
  assert.equal((await history(AT_MS + GAP_MS - 1)).findings.length, 1);
});

test('a retry obeys it too', async () => {
  const { webhookId } = about(1);
  const retry = (atMs: number): OutboundEvent[] => [
    scheduled(about(1)),
    attemptStarted({ webhookId }),
    attemptFailed({ webhookId, startedAtMs: AT_MS, nextAttemptAtMs: AT_MS + 1 }),
    attemptStarted({ webhookId, attempt: 2, atMs }),
  ];
  const all = organizations.slice(0, 3);
  assert.deepEqual(await found({ organizations: all, outbound: retry(AT_MS + GAP_MS) }), []);
  assert.equal((await found({ organizations: all, outbound: retry(AT_MS + 40) })).length, 1);
});

test('of another endpoint nothing is said, and nothing where there is no gap', async () => {
  const other = endpointCreated({ endpointId: id('ep', 2), events: ['order.*'], gapMs: 0 });
  const all = [organizationCreated(), created, other, trigger(1)];
  const to = { endpointId: id('ep', 2) };
  const outbound = [
    ...sent(1, AT_MS),
    scheduled({ ...about(1), webhookId: id('wh', 2), ...to }),
    attemptStarted({ webhookId: id('wh', 2), ...to, atMs: AT_MS + 30 }),
    attemptFailed({
      ...{ webhookId: id('wh', 2), ...to, atMs: AT_MS + 32, nextAttemptAtMs: AT_MS + 32 },
      startedAtMs: AT_MS + 33,
    }),
    attemptStarted({ webhookId: id('wh', 2), ...to, atMs: AT_MS + 32, attempt: 2 }),
  ];
  assert.deepEqual(await found({ organizations: all, outbound }), []);
});

test('the gap in force counts: a shorter one only once it can have been, a longer one once it was', async () => {
  const changed = (gapMs: number, atMs: number) => endpointChanged({ events: ['order.*'], gapMs, atMs });
  const close = [...sent(1, AT_MS), ...sent(2, AT_MS + 1_000)];
  const shorter = changed(1_000, AT_MS);
  const before = [organizationCreated(), created, trigger(1), shorter, trigger(2)];
  assert.deepEqual(await found({ organizations: before, outbound: close }), []);
  const unknown = [...organizations, shorter];
  assert.deepEqual(
    await found({ organizations: unknown, outbound: close }),
    [],
    'it may have been taken in by then',
  );
  const muchLater = [...organizations, changed(1_000, AT_MS + 10 * MINUTE_MS)];
  assert.equal((await found({ organizations: muchLater, outbound: close })).length, 1);
  const longer = [organizationCreated(), created, trigger(1), changed(60_000, AT_MS), trigger(2)];
  const apart = [...sent(1, AT_MS), ...sent(2, AT_MS + GAP_MS)];
  assert.equal((await found({ organizations: longer, outbound: apart })).length, 1);
});

test('across a clock that was put back nothing is judged, and that is told', async () => {
  const outbound = [...sent(1, AT_MS), ...sent(2, AT_MS - MINUTE_MS), ...sent(3, AT_MS - MINUTE_MS + 1)];
  const all = [...organizations, trigger(3)];
  const { findings, open } = await judge({ organizations: all, outbound });
  assert.deepEqual([findings.map(({ webhookId }) => webhookId), open.clocksPutBack], [[id('wh', 3)], 1]);
});
