// Operators who ask for the same webhooks at once: what a lane remembers of retries that have ended.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from '../../src/dispatch/decide.ts';
import { evolve } from '../../src/dispatch/evolve.ts';
import type { Lane } from '../../src/dispatch/lane.ts';
import type { Request } from '../../src/dispatch/request.ts';
import { MAX_REMEMBERED, REMEMBERED_MS, remember } from '../../src/dispatch/retried.ts';
import { laneSaved, webhookSaved } from '../../src/dispatch/snapshot.ts';
import type { LaneRecord, OrganizationEvent, WebhookRetryRequested } from '../../src/events.ts';
import type { WebhookId } from '../../src/ids.ts';
import { importedLane } from '../../src/transfer/lane.ts';
import {
  answered500,
  cause,
  endpointCreated,
  endpointId,
  laneAfter,
  organizationCreated,
  organizationId,
  otherEndpointId,
  received,
  webhookId,
} from './story.ts';
import { ok, published, restore, type World, world } from './world.ts';

/** Works off all that is due, each request answered alike; which webhooks were sent, in order. */
function workOff(of: World, nowMs: number, outcome = ok): string[] {
  const sent: string[] = [];
  let at = nowMs;
  for (let inFlight = of.turn(at); inFlight.length > 0; ) {
    sent.push(...inFlight.map(({ webhookId }) => webhookId));
    at++;
    inFlight = of.turn(
      at,
      inFlight.map((request: Request) => [request, outcome]),
    );
  }
  return sent;
}

/** What an operator asks for who has seen so many attempts of each. */
function asked(webhooks: readonly string[], atMs: number, attemptCount = 1): WebhookRetryRequested[] {
  const about = { kind: 'log.created', body: Buffer.from('{}') };
  return webhooks.map((id) => {
    const ids = { webhookId: id as WebhookId, organizationId, endpointId, eventId: 'evt_1' } as const;
    return { type: 'WebhookRetryRequested', ...ids, ...about, atMs, attemptCount };
  });
}

/** A world in which so many webhooks have failed, and these. */
function failed(count: number): { of: World; webhooks: string[] } {
  const of = world();
  of.add(organizationCreated(), endpointCreated({ gapMs: 0, retriesMs: [] }));
  of.add(...Array.from({ length: count }, published));
  const webhooks = workOff(of, 1, { ...ok, ...answered500 });
  assert.equal(new Set(webhooks).size, count);
  return { of, webhooks: webhooks.toSorted() };
}

/** The records of topic lanes that tell of retries that have ended. */
function endsIn({ lanes }: World): LaneRecord[] {
  return [...lanes.values()].filter(({ type }) => type === 'RetriedSaved');
}

test('what two operators recover at once is sent once, however much it is, and whoever owns the partition', () => {
  const { of, webhooks } = failed(1_000);
  of.add(...asked(webhooks, 20_000));
  assert.deepEqual(workOff(of, 30_000).toSorted(), webhooks);
  of.add(...asked(webhooks, 20_000));
  assert.deepEqual(workOff(of, 40_000), []);
  of.crash(50_000);
  of.add(...asked(webhooks, 20_000));
  assert.deepEqual(workOff(of, 50_000), []);
});

test('what has failed again is tried again for who knows of that, and for nobody else', () => {
  const { of, webhooks } = failed(200);
  of.add(...asked(webhooks, 20_000));
  workOff(of, 30_000, { ...ok, ...answered500 });
  of.crash(40_000);
  of.add(...asked(webhooks, 20_000));
  assert.deepEqual(workOff(of, 40_000), []);
  of.add(...asked(webhooks, 50_000, 2));
  assert.deepEqual(workOff(of, 50_000).toSorted(), webhooks);
  of.add(...asked(webhooks, 50_000, 2));
  assert.deepEqual(workOff(of, 60_000), []);
});

test('what is remembered of retries stands in records of its own: that of the lane does not grow', () => {
  const { of, webhooks } = failed(300);
  const before = JSON.stringify(of.lanes.get(organizationId)).length;
  of.add(...asked(webhooks, 20_000));
  workOff(of, 30_000);
  assert.equal(endsIn(of).length, 300);
  assert.ok(JSON.stringify(of.lanes.get(organizationId)).length < before + 100);
});

test('an end is forgotten when the topic has come to what was written a week later, and not by time alone', () => {
  const { of, webhooks } = failed(150);
  of.add(...asked(webhooks, 20_000));
  workOff(of, 30_000);
  const laterMs = 40_000 + REMEMBERED_MS;
  // Nobody was there to read it all the while.
  of.crash(laterMs);
  of.add(...asked(webhooks, 20_000));
  assert.deepEqual(workOff(of, laterMs), []);
  assert.equal(endsIn(of).length, 150);
  of.add({ ...published(), atMs: laterMs } as OrganizationEvent);
  assert.equal(workOff(of, laterMs + 1).length, 1);
  assert.deepEqual([...of.lanes.keys()], [organizationId], 'nothing is left in the topic');
});

test('an event that says a time ahead makes nobody forget', () => {
  const { of, webhooks } = failed(1);
  of.add(...asked(webhooks, 20_000));
  workOff(of, 30_000);
  of.add({ ...published(), atMs: 10 * REMEMBERED_MS } as OrganizationEvent, ...asked(webhooks, 20_000));
  assert.equal(workOff(of, 40_000).length, 1);
  assert.equal(endsIn(of).length, 1);
});

/** Webhooks by age. */
const webhookAt = (n: number): WebhookId => `wh_01J0000000000000000${String(n).padStart(7, '0')}`;

/** A lane that has forgotten the ends of the webhooks 0 to 9, each delivered a second after the one before. */
function forgetful(): Lane {
  const lane = laneAfter(endpointCreated(), endpointCreated({ endpointId: otherEndpointId }));
  for (let n = 0; n < MAX_REMEMBERED + 10; n++)
    remember(lane, webhookAt(n), { attempt: 2, atMs: n * 1_000, endpointId });
  return lane;
}

/** Whether a webhook of which one attempt was seen is sent again. */
function isSent(lane: Lane, n: number, atMs: number, facts: Partial<WebhookRetryRequested> = {}): boolean {
  const [event] = asked([webhookAt(n)], atMs);
  assert.ok(event);
  return decide(lane, received({ ...event, ...facts }), 2e9).length === 1;
}

test('of more ends than a lane remembers none is sent again for who asked before, and all that comes after is', () => {
  const lane = forgetful();
  assert.equal(lane.retried.size, MAX_REMEMBERED);
  const [restored] = restore([laneSaved(lane)], { nowMs: 0, skewMs: 0 }).values();
  assert.ok(restored);
  for (const [name, one] of Object.entries({ lane, restored })) {
    for (let n = 0; n < 10; n++) assert.equal(isSent(one, n, 0), false, `${name}: ${n} was forgotten`);
    assert.equal(isSent(one, 9, 10_999), false, 'its clock may be behind');
    assert.equal(isSent(one, 9, 11_001), true, 'it was asked for by who knows');
    assert.equal(isSent(one, MAX_REMEMBERED + 10, 0), true, 'it is newer than all that was forgotten');
    assert.equal(isSent(one, 0, 0, { endpointId: otherEndpointId }), true, 'of another endpoint');
  }
  assert.equal(isSent(lane, 10, 1e9), false, 'it is remembered');
  assert.equal(isSent(lane, 10, 0, { attemptCount: 2 }), true, 'it has failed again, and who asks knows');
});

test('where it is not known which endpoint it was of, what is forgotten may be of any', () => {
  const lane = laneAfter(endpointCreated(), endpointCreated({ endpointId: otherEndpointId }));
  for (let n = 0; n <= MAX_REMEMBERED; n++)
    remember(lane, webhookAt(n), { attempt: 2, atMs: 0, endpointId: null });
  assert.deepEqual([isSent(lane, 0, 0), isSent(lane, 0, 0, { endpointId: otherEndpointId })], [false, false]);
});

test('what is pending again is no longer remembered as ended', () => {
  const lane = laneAfter(endpointCreated());
  remember(lane, webhookId, { attempt: 2, atMs: 0, endpointId });
  evolve(lane, { type: 'WebhookRetried', webhookId, organizationId, endpointId, atMs: 1, dueAtMs: 1 }, cause);
  assert.deepEqual([lane.retried.size, webhookSaved(lane, webhookId).type], [0, 'PendingSaved']);
});

test('what an older release remembered in the record of the lane counts, and gets records of its own', () => {
  const { of, webhooks } = failed(3);
  const saved = of.lanes.get(organizationId);
  assert.equal(saved?.type, 'LaneSaved');
  const [first = '', second = '', third = ''] = webhooks;
  of.lanes.set(organizationId, { ...saved, retried: { [first]: 2, [second]: 2 } });
  of.crash(20_000);
  of.crash(20_000);
  of.add(...asked(webhooks, 20_000));
  assert.deepEqual(workOff(of, 20_000), [third]);
  const now = of.lanes.get(organizationId);
  assert.deepEqual(now?.type === 'LaneSaved' && now.retried, {});
  assert.equal(endsIn(of).length, 3);
  of.crash(30_000);
  of.add(...asked(webhooks, 20_000));
  assert.deepEqual(workOff(of, 30_000), []);
});

test('what was tried again and has ended is known where the organization moves to', () => {
  const { of, webhooks } = failed(300);
  of.add(...asked(webhooks, 20_000));
  workOff(of, 30_000);
  const to = world();
  const ids = { organizationId, importId: 'f'.repeat(64) };
  to.add({ type: 'OrganizationImportStarted', ...ids, atMs: 0, runId: 'r1' });
  to.add(...importedLane([...of.lanes.values()], organizationId, 0));
  to.turn(40_000);
  to.crash(50_000);
  // It comes with the import as well: nobody had taken it in.
  const laterMs = 50_000 + 2 * REMEMBERED_MS;
  to.add({ ...published(), atMs: laterMs, kind: 'nobody.hears' } as OrganizationEvent);
  to.add(...asked(webhooks, 20_000), { type: 'OrganizationImportEnded', ...ids, atMs: laterMs });
  assert.deepEqual(workOff(to, laterMs), []);
});
