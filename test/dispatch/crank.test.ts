import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCrank, type Request, type Slots } from '../../src/dispatch/crank.ts';
import type { Outcome } from '../../src/dispatch/lane.ts';
import { restore } from '../../src/dispatch/snapshot.ts';
import {
  compactionKeyOf,
  type HooklaneEvent,
  type LaneRecord,
  type OrganizationEvent,
  TOPIC_OF,
} from '../../src/events.ts';
import { newId } from '../../src/ids.ts';
import { EXAMPLES } from '../log/examples.ts';
import { answered500, endpointCreated, endpointId, organizationCreated, organizationId } from './story.ts';

const ok: Outcome = {
  startedAtMs: 0,
  durationMs: 1,
  responseCode: 200,
  responseBody: '',
  failure: null,
};

function published(): OrganizationEvent {
  return {
    type: 'EventPublished',
    eventId: newId('evt'),
    organizationId,
    atMs: 0,
    kind: 'log.created',
    data: '{}',
  };
}

/** A world of one partition: its topics, and a crank that can be lost and made anew from what was committed. */
function world(slots: Slots = { free: 256 }) {
  const organizations: OrganizationEvent[] = [];
  const outbound: HooklaneEvent[] = [];
  const lanes = new Map<string, LaneRecord>();
  let crank = createCrank(new Map(), slots, 0);
  let taken = 0;

  function commit(): Request[] {
    const { out, requests } = crank.flush();
    for (const event of out) {
      if (TOPIC_OF[event.type] === 'outbound') outbound.push(event);
      else if (event.type === 'PendingDropped') lanes.delete(compactionKeyOf(event));
      else lanes.set(compactionKeyOf(event as LaneRecord), event as LaneRecord);
    }
    return requests;
  }

  return {
    outbound,
    lanes,
    add: (...events: OrganizationEvent[]) => organizations.push(...events),
    /** One turn: takes what was added and the outcomes, starts what is due, commits. */
    turn(nowMs: number, outcomes: [Request, Outcome][] = []): Request[] {
      for (const [request, outcome] of outcomes) crank.finish(request, outcome, nowMs);
      for (; taken < organizations.length; taken++) {
        const event = organizations[taken] as OrganizationEvent;
        crank.take({ topic: 'organizations', partition: 0, offset: taken, event }, nowMs);
      }
      crank.startDue(nowMs);
      return commit();
    },
    /** The owner dies; a new one restores what was committed, and reads again from `from`. */
    crash(nowMs: number, { skewMs = 0, from = taken } = {}) {
      slots.free = 256;
      crank = createCrank(restore(lanes.values(), { nowMs, skewMs }), slots, nowMs);
      taken = from;
    },
    nextDueAtMs: () => crank.nextDueAtMs(),
    types: () => outbound.map((event) => event.type),
  };
}

test('a trigger is scheduled, claimed and sent in one turn, and its outcome ends it', () => {
  const { add, turn, types, lanes } = world();
  add(organizationCreated(), endpointCreated(), published());
  const [request] = turn(1_000);
  assert.ok(request);
  assert.equal(request.claimedAtMs, 1_000);
  assert.deepEqual(types(), ['WebhookScheduled', 'AttemptStarted']);
  assert.equal(turn(1_005, [[request, { ...ok, startedAtMs: 1_001 }]]).length, 0);
  assert.deepEqual(types(), ['WebhookScheduled', 'AttemptStarted', 'WebhookProcessed']);
  assert.deepEqual([...lanes.keys()], [organizationId], 'nothing is pending');
});

test('of two triggers taken in one turn the first is sent and the second omitted', () => {
  const { add, turn, types } = world();
  add(organizationCreated(), endpointCreated(), published(), published());
  assert.equal(turn(0).length, 1);
  assert.deepEqual(types(), ['WebhookScheduled', 'WebhookOmitted', 'AttemptStarted']);
});

test('a retry is started when it is due and the gap is over, and the crank says when', () => {
  const { add, turn, nextDueAtMs } = world();
  add(organizationCreated(), endpointCreated({ retriesMs: [2_000] }), published());
  const [first] = turn(0);
  assert.ok(first);
  turn(10, [[first, { ...ok, ...answered500, startedAtMs: 3 }]]);
  assert.equal(nextDueAtMs(), 5_003);
  assert.deepEqual(turn(5_002), []);
  const [second] = turn(5_003);
  assert.equal(second?.attempt, 2);
  assert.equal(second?.webhookId, first.webhookId);
});

test('without a free slot webhooks wait, and go when one is given back', () => {
  const slots = { free: 1 };
  const { add, turn } = world(slots);
  add(organizationCreated(), endpointCreated({ gapMs: 0 }), published(), published());
  const [first, none] = turn(0);
  assert.ok(first);
  assert.equal(none, undefined);
  assert.equal(turn(1, [[first, ok]]).length, 1);
});

test('positions that were reset send nothing again', () => {
  const { add, turn, crash, types } = world();
  add(organizationCreated(), endpointCreated({ gapMs: 0 }), published());
  const [request] = turn(0);
  assert.ok(request);
  turn(1, [[request, ok]]);
  const before = types();
  crash(60_000, { from: 0 });
  assert.deepEqual(turn(60_000), []);
  assert.deepEqual(types(), before);
});

/** Of inbound webhook number `n`, from partition 3 of topic inbound, where it stands at `offset`. */
function recorded(n: number, offset: number | null): OrganizationEvent {
  return {
    ...EXAMPLES.LogRecorded,
    organizationId,
    logId: `log_${n}`,
    inboundPartition: offset === null ? null : 3,
    inboundOffset: offset,
  };
}

test('a recorder that goes through topic inbound again sends nothing again, also after a crash', () => {
  const { add, turn, crash, types } = world();
  add(organizationCreated(), endpointCreated({ gapMs: 0 }), recorded(1, 7), recorded(2, 9));
  turn(
    1,
    turn(0).map((request) => [request, ok]),
  );
  const before = types();
  assert.equal(before.filter((type) => type === 'WebhookProcessed').length, 2);
  add(recorded(1, 7), recorded(2, 9));
  assert.deepEqual(turn(2), []);
  crash(60_000);
  add(recorded(1, 7), recorded(2, 9));
  assert.deepEqual(turn(60_000), []);
  assert.deepEqual(types(), before);
  add(recorded(3, 10));
  assert.equal(turn(60_001).length, 1);
});

test('what an older release recorded, without saying from where, is sent', () => {
  const { add, turn } = world();
  add(organizationCreated(), endpointCreated({ gapMs: 0 }), recorded(1, null), recorded(2, null));
  assert.equal(turn(0).length, 2);
});

test('an attempt without an outcome is tried again with the same id when it can no longer be in flight', () => {
  const { add, turn, crash, types } = world();
  add(organizationCreated(), endpointCreated({ timeoutMs: 3_000, gapMs: 5_000 }), published());
  const [lost] = turn(1_000);
  assert.ok(lost);
  crash(1_500);
  assert.deepEqual(turn(8_999), [], 'it may have left until 4,000; the gap lasts until 9,000');
  const [again] = turn(9_000);
  assert.equal(again?.webhookId, lost.webhookId);
  assert.equal(again?.attempt, 2);
  assert.deepEqual(types().slice(2), ['AttemptFailed', 'AttemptStarted']);
});

test('a new owner adds to the gap by how much clocks may differ', () => {
  const { add, turn, crash, nextDueAtMs } = world();
  add(organizationCreated(), endpointCreated({ retriesMs: [1_000] }), published());
  const [request] = turn(10_000);
  assert.ok(request);
  turn(10_010, [[request, { ...ok, ...answered500, startedAtMs: 10_001 }]]);
  crash(10_500, { skewMs: 2_000 });
  assert.equal(nextDueAtMs(), 17_001);
});

test('what was in flight for an endpoint deleted since ends in error at the next start', () => {
  const { add, turn, crash, types, lanes } = world();
  add(organizationCreated(), endpointCreated(), published());
  turn(0);
  add({ type: 'EndpointDeleted', organizationId, endpointId, atMs: 1 });
  turn(1);
  crash(2);
  turn(2);
  assert.deepEqual(types().slice(2), ['AttemptFailed', 'WebhookFailed']);
  assert.deepEqual([...lanes.keys()], [organizationId]);
});

/** What may happen in a life, at random. */
const happening = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('publish' as const) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('answer' as const), ok: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.nat(4_000) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const), rewind: fc.nat(9) }) },
);

test('whatever happens: one webhook a trigger, never two requests within the gap, all ends', () => {
  fc.assert(
    fc.property(
      fc.array(happening, { maxLength: 80 }),
      fc.constantFrom<number[]>([], [1_000], [500, 7_000]),
      (happenings, retriesMs) => {
        const { add, turn, crash, outbound, lanes } = world();
        const gapMs = 2_000;
        add(organizationCreated(), endpointCreated({ gapMs, timeoutMs: 3_000, retriesMs }));
        let nowMs = 100_000;
        let triggers = 0;
        let inFlight: Request[] = [];
        const starts: number[] = [];
        const started = (requests: Request[]) => {
          inFlight.push(...requests);
          for (const request of requests) starts.push(request.claimedAtMs);
        };
        for (const happening of happenings) {
          if (happening.type === 'publish') {
            add(published());
            triggers++;
            started(turn(nowMs));
          } else if (happening.type === 'wait') {
            nowMs += happening.ms;
            started(turn(nowMs));
          } else if (happening.type === 'crash') {
            inFlight = [];
            crash(nowMs, { from: Math.max(0, triggers - happening.rewind) });
          } else {
            const request = inFlight.shift();
            const facts = { startedAtMs: nowMs, ...(happening.ok ? {} : answered500) };
            if (request !== undefined) started(turn(nowMs, [[request, { ...ok, ...facts }]]));
          }
        }
        for (let left = 10 * (triggers + 1); left > 0; left--) {
          const outcomes = inFlight.splice(0).map((request): [Request, Outcome] => [request, ok]);
          nowMs += 8_000;
          started(turn(nowMs, outcomes));
        }
        const born = outbound.filter(({ type }) => type === 'WebhookScheduled' || type === 'WebhookOmitted');
        assert.equal(born.length, triggers, 'one webhook a trigger');
        assert.ok(
          starts.every((at, i) => i === 0 || at - (starts[i - 1] ?? 0) >= gapMs),
          'the gap',
        );
        const ended = outbound.filter(({ type }) => type === 'WebhookProcessed' || type === 'WebhookFailed');
        const scheduled = born.filter(({ type }) => type === 'WebhookScheduled');
        assert.equal(ended.length, scheduled.length, 'what was scheduled has ended');
        assert.deepEqual([...lanes.keys()], [organizationId], 'nothing is left pending');
      },
    ),
    { numRuns: 300 },
  );
});
