// An organization that moves in: what its lane does between the marks of an import, and after it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Request } from '../../src/dispatch/request.ts';
import type { LaneRecord, OrganizationEvent, OutboundEvent } from '../../src/events.ts';
import { importedLane } from '../../src/transfer/lane.ts';
import { createOpenWebhooks } from '../../src/transfer/open-webhooks.ts';
import {
  answered500,
  endpointCreated,
  organizationCreated,
  organizationId,
  otherEndpointId,
} from './story.ts';
import { ok, published, type World, world } from './world.ts';

const importId = 'f'.repeat(64);
const begins: OrganizationEvent = {
  type: 'OrganizationImportStarted',
  organizationId,
  atMs: 0,
  importId,
  runId: 'r1',
};
const ends: OrganizationEvent = { type: 'OrganizationImportEnded', organizationId, atMs: 0, importId };

/** What a world's lane is, as an import brings it. */
function stateOf({ lanes }: World): OrganizationEvent[] {
  return importedLane([...lanes.values()] as LaneRecord[], organizationId, 0);
}

const history = [organizationCreated(), endpointCreated({ retriesMs: [60_000] }), published()];

/** A world whose one webhook has failed at 10, started at 1, and is tried again a minute later, give or take a fifth. */
function source() {
  const from = world();
  from.add(...history);
  const [first] = from.turn(1);
  assert.ok(first);
  from.turn(10, [[first, { ...ok, ...answered500, startedAtMs: 1 }]]);
  return { from, first };
}

test('history is no trigger, and what was pending goes on under its id once the import has ended', () => {
  const { from, first } = source();
  const to = world();
  to.add(begins, ...history, published());
  assert.deepEqual(to.turn(1_000), []);
  to.add(...stateOf(from));
  assert.deepEqual(to.turn(80_000), [], 'it is due, and the import has not ended');
  assert.equal(to.nextDueAtMs(), undefined);
  assert.deepEqual(to.types(), []);
  to.add(ends);
  const [next, ...others] = to.turn(80_001);
  assert.deepEqual([next?.webhookId, next?.attempt, others], [first.webhookId, 2, []]);
});

test('the gap holds across the move, with room for clocks that differ', () => {
  const { from } = source();
  const to = world();
  to.add(begins, ...history, ...stateOf(from), published(), ends);
  to.turn(100);
  assert.deepEqual(to.types(), ['WebhookOmitted'], 'the gap lasts until 7,001');
  to.add(published());
  to.turn(7_000);
  to.add(published());
  assert.equal(to.turn(7_001).length, 1);
});

test('what a digest was to tell is told where the organization has moved to', () => {
  const from = world();
  const life = [organizationCreated(), endpointCreated({ whenBusy: 'digest' }), published(), published()];
  from.add(...life);
  const [first] = from.turn(1);
  assert.ok(first);
  from.turn(10, [[first, { ...ok, startedAtMs: 1 }]]);
  const to = world();
  to.add(begins, ...life, ...stateOf(from), published(), ends);
  to.turn(1_000);
  const [request] = to.turn(7_001);
  assert.ok(request);
  const { type, data } = JSON.parse(request.body.toString('utf8'));
  assert.equal(type, 'digest');
  assert.deepEqual(data.counts, { 'log.created': 2 });
});

test('what was not taken in before is a trigger, in its turn, and starts when the import ends', () => {
  const { from } = source();
  const to = world();
  to.add(begins, ...history, ...stateOf(from), published());
  to.turn(20_000);
  assert.deepEqual(to.types(), ['WebhookScheduled']);
  to.add(ends);
  assert.equal(to.turn(20_001).length, 1);
});

test('what was in flight is in doubt until its time is over, and then tried again', () => {
  const from = world();
  from.add(...history);
  const [lost] = from.turn(1_000);
  assert.ok(lost);
  const to = world();
  to.add(begins, ...stateOf(from), ends);
  assert.deepEqual(to.turn(1_500), []);
  assert.equal(to.nextDueAtMs(), 13_000, 'it may have left until 6,000, by a clock 2 s behind; then the gap');
  const [again] = to.turn(13_000);
  assert.deepEqual([again?.webhookId, again?.attempt], [lost.webhookId, 2]);
  assert.deepEqual(to.types(), ['AttemptFailed', 'AttemptStarted']);
});

test('a dispatcher that dies at any moment of an import goes on as if nothing had been', () => {
  const { from, first } = source();
  const all = [begins, ...history, published(), ...stateOf(from), published(), ends];
  for (let before = 0; before <= all.length; before++) {
    const to = world();
    to.add(...all.slice(0, before));
    const early = to.turn(1_000);
    if (before < all.length) assert.deepEqual(early, [], `sends nothing before the end (${before})`);
    to.crash(1_001, { from: before % 2 === 0 ? 0 : before });
    to.add(...all.slice(before));
    assert.deepEqual(to.turn(1_002), []);
    const [next] = to.turn(80_000);
    assert.equal(next?.webhookId, first.webhookId, `goes on (${before})`);
    assert.deepEqual(to.types(), ['WebhookOmitted', 'AttemptStarted']);
  }
});

test('marks that come again change nothing', () => {
  const { from } = source();
  const state = stateOf(from);
  const to = world();
  to.add(begins, ...state, { ...begins, runId: 'r2' }, ...state, ends, begins, ...state, ends);
  to.turn(1_000);
  to.add(published());
  assert.equal(to.turn(20_000).length, 1, 'it is no history');
  assert.equal(to.unstarted(), 0);
});

test('what waited for an endpoint that is gone ends', () => {
  const { from } = source();
  const pending = stateOf(from).filter(({ type }) => type === 'WebhookImported');
  const to = world();
  const lane: OrganizationEvent = {
    ...{ type: 'LaneImported', organizationId, secret: 'sealed' },
    ...{ endpoints: [], retried: {} },
  };
  to.add(begins, lane, ...pending, ends);
  assert.deepEqual(to.turn(0), []);
  assert.deepEqual(to.types(), ['WebhookFailed']);
});

test('a lane that lives here is not made history by a mark that comes late', () => {
  const to = world();
  to.add(organizationCreated(), endpointCreated(), begins, published());
  assert.equal(to.turn(0).length, 1);
});

interface Step {
  /** How much later than the one before. */
  laterMs: number;
  published: number;
  /** What the requests in flight are answered with. */
  ok: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  laterMs: fc.integer({ min: 1, max: 9_000 }),
  published: fc.integer({ min: 0, max: 3 }),
  ok: fc.boolean(),
});

const settings = fc.record({
  whenBusy: fc.constantFrom('omit' as const, 'queue' as const, 'digest' as const),
  gapMs: fc.constantFrom(0, 1_000, 5_000),
  retriesMs: fc.constantFrom<number[]>([], [100], [3_000, 3_000]),
});

test('wherever a life is cut in two by a move, gaps hold, nothing is delivered twice and nothing is left over', () => {
  const steps = fc.array(step, { maxLength: 12 });
  fc.assert(
    fc.property(settings, settings, steps, fc.nat(3), steps, (first, second, before, waiting, after) => {
      const life: OrganizationEvent[] = [
        organizationCreated(),
        endpointCreated(first),
        endpointCreated({ ...second, endpointId: otherEndpointId }),
      ];
      const gaps = new Map<string, number>([[otherEndpointId, second.gapMs]]);
      const startedMs = new Map<string, number>();
      const delivered = new Set<string>();
      let nowMs = 1_000;
      let inFlight: Request[] = [];

      function live(on: World, { laterMs, ok: isOk, published: count }: Step): void {
        nowMs += laterMs;
        const events = Array.from({ length: count }, published);
        life.push(...events);
        on.add(...events);
        const outcomes = inFlight.map((request): [Request, typeof ok] => {
          if (isOk) {
            assert.ok(!delivered.has(request.webhookId), 'delivered twice');
            delivered.add(request.webhookId);
          }
          return [request, { ...ok, ...(isOk ? {} : answered500), startedAtMs: request.startsAtMs }];
        });
        inFlight = on.turn(nowMs, outcomes);
        for (const { endpointId, startsAtMs } of inFlight) {
          const gapMs = gaps.get(endpointId) ?? first.gapMs;
          assert.ok(
            startsAtMs - (startedMs.get(endpointId) ?? Number.NEGATIVE_INFINITY) >= gapMs || gapMs === 0,
            'too early',
          );
          startedMs.set(endpointId, startsAtMs);
        }
      }

      const from = world();
      from.add(...life);
      for (const one of before) live(from, one);
      // It is stopped: what is in flight comes to its end, and nothing more is started.
      from.stop(
        nowMs,
        inFlight.map((request) => [request, { ...ok, startedAtMs: request.startsAtMs }]),
      );
      for (const { webhookId } of inFlight) delivered.add(webhookId);
      inFlight = [];
      const to = world();
      const taken = before.length === 0 ? 0 : life.length;
      const rest = [...(before.length === 0 ? life : []), ...Array.from({ length: waiting }, published)];
      to.add(begins, ...life.slice(0, taken), ...stateOf(from), ...rest, ends);
      for (const one of after) live(to, one);
      for (let n = 0; n < 200 && (n < 2 || inFlight.length > 0 || to.nextDueAtMs() !== undefined); n++)
        live(to, { laterMs: 10_000, published: 0, ok: true });
      const open = createOpenWebhooks(new Set());
      for (const event of [...from.outbound, ...to.outbound]) open.take(event as OutboundEvent);
      assert.ok(open.agree(), 'left over');
    }),
    { numRuns: 300 },
  );
});
