import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCapacity } from '../../src/dispatch/capacity.ts';
import { createCrank } from '../../src/dispatch/crank.ts';
import type { Outcome } from '../../src/dispatch/lane.ts';
import { createLanes } from '../../src/dispatch/lanes.ts';
import type { Request } from '../../src/dispatch/request.ts';
import type { OrganizationEvent } from '../../src/events.ts';
import { newId } from '../../src/ids.ts';
import { EXAMPLES } from '../log/examples.ts';
import { answered500, endpointCreated, endpointId, organizationCreated, organizationId } from './story.ts';
import { ok, published, type World, world } from './world.ts';

test('a trigger is scheduled, claimed and sent in one turn, and its outcome ends it', () => {
  const { add, turn, types, lanes } = world();
  add(organizationCreated(), endpointCreated(), published());
  const [request] = turn(1_000);
  assert.ok(request);
  assert.equal(request.startsAtMs, 1_000);
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

test('after a connection that was found closed the same webhook goes next, when the gap is over, by one of its own', () => {
  const { add, turn, types } = world();
  add(organizationCreated(), endpointCreated({ whenBusy: 'queue', retriesMs: [1_000] }));
  add(published(), published());
  const [first] = turn(0);
  assert.ok(first);
  assert.equal(first.reconnects, false);
  const closed = { ...ok, responseCode: null, failure: { error: 'closed', detail: '' } } as const;
  assert.deepEqual(turn(10, [[first, { ...closed, startedAtMs: 3 }]]), []);
  assert.deepEqual(turn(5_002), []);
  const [second] = turn(5_003);
  assert.ok(second);
  assert.deepEqual([second.webhookId, second.reconnects], [first.webhookId, true]);
  turn(5_010, [[second, { ...ok, ...answered500, startedAtMs: 5_003 }]]);
  assert.equal(types().at(-1), 'AttemptFailed', 'the schedule had its step left');
  const [other] = turn(10_003);
  assert.ok(other && other.webhookId !== first.webhookId);
  assert.equal(other.reconnects, false);
  const [third] = turn(15_003, [[other, { ...ok, startedAtMs: 10_003 }]]);
  assert.deepEqual([third?.webhookId, third?.reconnects], [first.webhookId, false]);
});

test('without a free slot webhooks wait, and go when one is given back', () => {
  const { add, turn } = world({ most: 1 });
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

/** Answers requests, and those that follow, with 200 until there are no more; how many there were. */
function deliverAll(turn: World['turn'], requests: Request[]): number {
  if (requests.length === 0) return 0;
  const next = turn(
    1,
    requests.map((request) => [request, ok]),
  );
  return requests.length + deliverAll(turn, next);
}

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
  deliverAll(turn, turn(0));
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

test('nor does it where nobody had subscribed when it came by first', () => {
  const { add, turn, crash, types } = world();
  add(organizationCreated());
  turn(0);
  add(recorded(1, 7), recorded(2, 9));
  turn(0);
  crash(1);
  add(endpointCreated({ gapMs: 0 }), recorded(1, 7), recorded(2, 9));
  assert.deepEqual(turn(1), []);
  assert.deepEqual(types(), []);
  add(recorded(3, 10));
  assert.equal(turn(2).length, 1);
});

test('what an older release recorded, without saying from where, is sent', () => {
  const { add, turn } = world();
  add(organizationCreated(), endpointCreated({ gapMs: 0 }), recorded(1, null), recorded(2, null));
  assert.equal(deliverAll(turn, turn(0)), 2);
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

test('what will soon be due is claimed before its time, and whoever takes over counts the gap from that', () => {
  const { add, turn, crash, nextDueAtMs, types } = world({ aheadMs: 100 });
  const settings = { whenBusy: 'queue', gapMs: 5_000, timeoutMs: 3_000 } as const;
  add(organizationCreated(), endpointCreated(settings), published(), published());
  const [first] = turn(0);
  assert.ok(first);
  turn(10, [[first, { ...ok, startedAtMs: 3 }]]);
  assert.equal(nextDueAtMs(), 4_903, '100 ms before the gap is over');
  assert.deepEqual(turn(4_902), []);
  const [second] = turn(4_903);
  assert.equal(second?.startsAtMs, 5_003);
  crash(4_910);
  assert.equal(
    nextDueAtMs(),
    13_003,
    'it may leave until 8,003, and then the gap; no claim ahead, as it may be under way',
  );
  assert.deepEqual(turn(13_002), []);
  const [again] = turn(13_003);
  assert.equal(again?.webhookId, second.webhookId);
  assert.equal(again.startsAtMs, 13_003);
  assert.deepEqual(types().slice(-2), ['AttemptFailed', 'AttemptStarted']);
});

test('a retry that will soon be due takes nothing from a trigger that comes before it', () => {
  const { add, turn, nextDueAtMs, types } = world({ aheadMs: 100 });
  add(organizationCreated(), endpointCreated({ gapMs: 1_000, retriesMs: [60_000] }), published());
  const [first] = turn(0);
  assert.ok(first);
  turn(10, [[first, { ...ok, ...answered500 }]]);
  const due = nextDueAtMs() ?? 0;
  assert.ok(due > 45_000);
  assert.deepEqual(turn(due - 50), []);
  add(published());
  const [fresh] = turn(due - 40);
  assert.equal(fresh?.attempt, 1);
  assert.ok(!types().includes('WebhookOmitted'));
  assert.deepEqual(turn(due), [], 'now it waits for its gap');
  turn(due + 1, [[fresh, { ...ok, startedAtMs: due - 40 }]]);
  assert.equal(nextDueAtMs(), due - 40 + 1_000 - 100);
  const [again] = turn(due - 40 + 1_000 - 100);
  assert.deepEqual([again?.webhookId, again?.attempt], [first.webhookId, 2]);
});

test('what is not claimed ahead holds up nobody who is', () => {
  const { add, turn, nextDueAtMs } = world({ aheadMs: 100 });
  const [retrying, queueing] = ['ep_00000000000000000000000001', 'ep_00000000000000000000000002'] as const;
  add(
    organizationCreated(),
    endpointCreated({ endpointId: retrying, events: ['log.*'], retriesMs: [60_000] }),
  );
  add(published());
  const [failed] = turn(0);
  assert.ok(failed);
  turn(10, [[failed, { ...ok, ...answered500 }]]);
  const retryAtMs = nextDueAtMs() ?? 0;
  const gapMs = retryAtMs + 1 - 20;
  add(endpointCreated({ endpointId: queueing, events: ['deploy.*'], whenBusy: 'queue', gapMs }));
  for (const event of [published(), published()])
    add({ ...event, kind: 'deploy.created' } as OrganizationEvent);
  const [sent] = turn(20);
  assert.ok(sent);
  turn(30, [[sent, { ...ok, startedAtMs: 20 }]]);
  assert.equal(nextDueAtMs(), retryAtMs + 1 - 100);
  const [claimed, ...others] = turn(retryAtMs + 1 - 100);
  assert.deepEqual([claimed?.endpointId, claimed?.startsAtMs, others], [queueing, retryAtMs + 1, []]);
  assert.equal(turn(retryAtMs)[0]?.endpointId, retrying);
});

test('what is claimed ahead leaves half of the room for what is due', () => {
  const { add, turn, nextDueAtMs } = world({ aheadMs: 100, most: 4, mostPerHost: 4 });
  add(organizationCreated());
  const endpoints = Array.from({ length: 4 }, (_, n) => `ep_0000000000000000000000000${n}` as const);
  for (const endpointId of endpoints) add(endpointCreated({ endpointId, gapMs: 1_000, whenBusy: 'queue' }));
  add(published(), published());
  const first = turn(0);
  assert.equal(first.length, 4);
  assert.deepEqual(
    turn(
      10,
      first.map((request) => [request, ok]),
    ),
    [],
  );
  const ahead = turn(950);
  assert.deepEqual(
    ahead.map(({ startsAtMs }) => startsAtMs),
    [1_000, 1_000],
  );
  assert.equal(nextDueAtMs(), 1_000);
  assert.deepEqual(turn(999), []);
  assert.deepEqual(
    turn(1_000).map(({ startsAtMs }) => startsAtMs),
    [1_000, 1_000],
  );
});

test('a start that lies further ahead than any is claimed was stamped by a clock that was put back since', () => {
  const { add, turn, crash, nextDueAtMs } = world();
  add(organizationCreated(), endpointCreated({ gapMs: 5_000, timeoutMs: 3_000 }), published());
  assert.equal(turn(100_000).length, 1);
  crash(40_000);
  assert.equal(nextDueAtMs(), 48_250);
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

test('an endpoint without a gap is sent one request at first, one more with each success, and half with each failure', () => {
  const { add, turn } = world();
  add(organizationCreated(), endpointCreated({ gapMs: 0, retriesMs: [] }));
  add(...Array.from({ length: 20 }, published));
  const first = turn(0);
  assert.equal(first.length, 1);
  const second = turn(1, [[first[0] as Request, ok]]);
  assert.equal(second.length, 2);
  const third = turn(
    2,
    second.map((request) => [request, ok]),
  );
  assert.equal(third.length, 4);
  const afterFailure = turn(
    3,
    third.map((request) => [request, { ...ok, ...answered500 }]),
  );
  assert.equal(afterFailure.length, 1);
});

test('one host holds up no other host, and its endpoints go in turn as its requests end', () => {
  const { add, turn } = world({ mostPerHost: 2 });
  const at = (host: string, n: number) =>
    endpointCreated({ endpointId: `ep_${host}${n}`, url: `http://${host}.test/${n}` });
  add(organizationCreated(), at('slow', 1), at('slow', 2), at('slow', 3), at('quick', 1), published());
  const requests = turn(0);
  assert.deepEqual(requests.map(({ host }) => host).sort(), ['quick.test', 'slow.test', 'slow.test']);
  const [slow] = requests.filter(({ host }) => host === 'slow.test');
  assert.ok(slow);
  const [last, ...none] = turn(1, [[slow, ok]]);
  assert.equal(last?.host, 'slow.test');
  assert.equal(none.length, 0);
  assert.ok(!requests.some(({ endpointId }) => endpointId === last.endpointId));
});

test('when the clock is put forward, the gap lasts as long as it would have', () => {
  const { add, turn, step, nextDueAtMs } = world();
  add(organizationCreated(), endpointCreated({ whenBusy: 'queue' }), published(), published());
  const [request] = turn(0);
  assert.ok(request);
  turn(10, [[request, ok]]);
  step(3_600_000, 3_601_000);
  assert.deepEqual(turn(3_604_999), []);
  assert.equal(nextDueAtMs(), 3_605_000);
  assert.equal(turn(3_605_000).length, 1);
});

test('a queue keeps its order, also of what came in the same millisecond and over a crash', () => {
  const { add, turn, crash } = world();
  add(organizationCreated(), endpointCreated({ whenBusy: 'queue', gapMs: 1_000, timeoutMs: 500 }));
  const events = Array.from({ length: 6 }, published);
  add(...events);
  const sent: string[] = [];
  let inFlight: Request[] = turn(0);
  for (let nowMs = 1_000; inFlight.length > 0; nowMs += 1_000) {
    sent.push(...inFlight.map(({ body }) => JSON.parse(body.toString()).id));
    turn(
      nowMs - 1,
      inFlight.map((request) => [request, ok]),
    );
    if (nowMs === 3_000) crash(nowMs);
    inFlight = turn(nowMs);
  }
  assert.deepEqual(
    sent,
    events.map((event) => event.type === 'EventPublished' && event.eventId),
  );
});

test('what came while the gap lasted is told by one digest at the end of it, over a crash as well', () => {
  const { add, turn, crash, outbound, lanes } = world();
  add(organizationCreated(), endpointCreated({ whenBusy: 'digest' }), published());
  const [first] = turn(0);
  assert.ok(first);
  turn(1, [[first, ok]]);
  const missed = [published(), published()];
  add(...missed);
  turn(2_000);
  crash(3_000);
  assert.deepEqual(turn(4_999), []);
  const [digest] = turn(5_000);
  assert.ok(digest);
  const body = JSON.parse(digest.body.toString());
  assert.deepEqual([body.type, body.data.count, body.data.counts], ['digest', 2, { 'log.created': 2 }]);
  assert.deepEqual(
    body.data.newest.map(({ id }: { id: string }) => id),
    missed.map((event) => event.type === 'EventPublished' && event.eventId).reverse(),
  );
  assert.equal(digest.omitted, 2);
  const omitted = outbound.filter((event) => event.type === 'WebhookOmitted');
  assert.deepEqual(
    body.data.newest.map(({ webhookId }: { webhookId: string }) => webhookId).sort(),
    omitted.map(({ webhookId }) => webhookId).sort(),
  );
  turn(5_001, [[digest, ok]]);
  assert.deepEqual(turn(60_000), [], 'it is told once');
  assert.deepEqual([...lanes.keys()], [organizationId]);
});

test('an endpoint that is deleted before its digest is due is sent nothing', () => {
  const { add, turn, lanes } = world();
  add(organizationCreated(), endpointCreated({ whenBusy: 'digest' }), published(), published());
  const [first] = turn(0);
  assert.ok(first);
  turn(1, [[first, ok]]);
  add({ type: 'EndpointDeleted', organizationId, endpointId, atMs: 2 });
  turn(2);
  assert.deepEqual(turn(60_000), []);
  assert.deepEqual([...lanes.keys()], [organizationId]);
});

test('a delivered webhook tells how many were omitted since the last one delivered, a failed one tells nobody', () => {
  const { add, turn, crash } = world();
  add(organizationCreated(), endpointCreated({ retriesMs: [] }), published(), published(), published());
  const [first] = turn(0);
  assert.equal(first?.omitted, 2);
  turn(1, [[first, { ...ok, ...answered500 }]]);
  crash(2_000);
  add(published());
  const [second] = turn(5_000);
  assert.equal(second?.omitted, 2);
  add(published());
  turn(5_001, [[second, ok]]);
  add(published());
  const [third] = turn(10_000);
  assert.equal(third?.omitted, 1, 'what was omitted while the one before was under way');
});

test('410 disables the endpoint at once, ends what waits for it, and is told by an event of its own', () => {
  const { add, turn, types, outbound } = world();
  add(organizationCreated(), endpointCreated({ whenBusy: 'queue' }), published(), published());
  const [request] = turn(0);
  assert.ok(request);
  const gone = { responseCode: 410, failure: { error: 'status', detail: 'answered 410' } } as const;
  turn(1, [[request, { ...ok, ...gone }]]);
  assert.deepEqual(types().slice(-3), ['AttemptFailed', 'WebhookFailed', 'WebhookFailed']);
  add(published());
  assert.deepEqual(turn(60_000), []);
  const last = outbound.at(-1);
  assert.equal(last?.type === 'WebhookOmitted' && last.reason, 'disabled');
});

test('of two operators who have the same webhook tried again at once, one is heard', () => {
  const { add, turn, crash } = world();
  add(organizationCreated(), endpointCreated({ gapMs: 0, retriesMs: [] }), published());
  const [request] = turn(0);
  assert.ok(request);
  turn(1, [[request, { ...ok, ...answered500 }]]);
  const { webhookId, endpointId, body } = request;
  const asked: OrganizationEvent = {
    ...{ type: 'WebhookRetryRequested', organizationId, webhookId, endpointId, eventId: 'evt_1', body },
    ...{ kind: 'log.created', atMs: 2, attemptCount: 1 },
  };
  add(asked);
  const [again] = turn(2);
  assert.equal(again?.attempt, 2);
  turn(3, [[again, ok]]);
  crash(4);
  add(asked);
  assert.deepEqual(turn(5), []);
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
      fc.constantFrom(0, 20, 250),
      (happenings, retriesMs, aheadMs) => {
        const { add, turn, crash, outbound, lanes } = world({ aheadMs });
        const gapMs = 2_000;
        add(organizationCreated(), endpointCreated({ gapMs, timeoutMs: 3_000, retriesMs }));
        let nowMs = 100_000;
        let triggers = 0;
        let inFlight: Request[] = [];
        const starts: number[] = [];
        const started = (requests: Request[]) => {
          inFlight.push(...requests);
          for (const request of requests) starts.push(request.startsAtMs);
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
            nowMs = Math.max(nowMs, request?.startsAtMs ?? 0);
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

test('what taken events come to fills a turn; starts and outcomes of large webhooks do not', () => {
  const limits = { capacity: createCapacity(), disableAfterMs: Number.POSITIVE_INFINITY };
  const crank = createCrank(createLanes(Number.POSITIVE_INFINITY), limits, 0);
  let offset = 0;
  const take = (event: OrganizationEvent) =>
    crank.take({ topic: 'organizations', partition: 0, offset: offset++, event }, 0);
  take(organizationCreated());
  for (let n = 0; n < 200; n++)
    take(endpointCreated({ endpointId: newId('ep'), gapMs: 0, retriesMs: [60_000] }));
  assert.equal(crank.isFull, false);
  take({ ...published(), data: JSON.stringify('x'.repeat(100_000)) } as OrganizationEvent);
  assert.equal(crank.isFull, true);
  crank.flush();
  assert.equal(crank.isFull, false, 'the next turn');

  crank.startDue(0, 0);
  assert.equal(crank.isFull, false);
  const { requests } = crank.flush();
  assert.ok(requests.length > 100, `${requests.length}`);
  for (const request of requests) crank.finish(request, { ...ok, ...answered500 }, 1);
  assert.equal(crank.isFull, false);
  const kept = crank.flush().out.filter(({ type }) => type === 'PendingSaved');
  assert.equal(kept.length, requests.length, 'all of them are to be tried again');
});

test('one organization, whatever its hosts, leaves room to others', () => {
  const limits = { capacity: createCapacity(8, 4), disableAfterMs: Number.POSITIVE_INFINITY };
  const crank = createCrank(createLanes(Number.POSITIVE_INFINITY), limits, 0);
  let offset = 0;
  const take = (event: OrganizationEvent) =>
    crank.take({ topic: 'organizations', partition: 0, offset: offset++, event }, 0);
  const other = newId('org');
  const endpointAt = (host: string) => endpointCreated({ endpointId: newId('ep'), url: `http://${host}/` });
  take(organizationCreated());
  for (const host of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) take(endpointAt(`${host}.example`));
  take({ ...organizationCreated(), organizationId: other });
  take({ ...endpointAt('other.example'), organizationId: other });
  const start = () => {
    crank.startDue(0, 0);
    const { requests } = crank.flush();
    return requests;
  };
  take(published());
  const hanging = start();
  assert.equal(hanging.length, 6, 'three quarters of eight');
  take({ ...published(), organizationId: other } as OrganizationEvent);
  assert.deepEqual(
    start().map(({ organizationId: id }) => id),
    [other],
  );

  const [done] = hanging;
  assert.ok(done);
  assert.equal(limits.capacity.give(done), true, 'others wait for what is given back');
  crank.finish(done, ok, 1);
  const [next, ...more] = start();
  assert.deepEqual([next?.organizationId, more.length], [organizationId, 0], 'what was held up goes on');
});

test('a digest that is due further ahead than the gaps allow was put off by a clock that was put back since', () => {
  const { add, turn, crash, nextDueAtMs } = world();
  const day = 86_400_000;
  add(organizationCreated(), endpointCreated({ whenBusy: 'digest' }), published(), published());
  const [request] = turn(day);
  assert.ok(request);
  turn(day, [[request, { ...ok, startedAtMs: day }]]);
  assert.equal(nextDueAtMs(), day + 5_000);
  crash(day + 1);
  assert.equal(nextDueAtMs(), day + 5_000, 'by the same clock');
  crash(1_000);
  assert.ok(Number(nextDueAtMs()) <= 1_000 + 3 * 5_000, `${nextDueAtMs()}`);
});
