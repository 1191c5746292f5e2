// Which lanes are in memory: quiet ones may be let go, and what is read again must be all that there was to know.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isQuiet, type Lane, newLane } from '../../src/dispatch/lane.ts';
import { createLanes } from '../../src/dispatch/lanes.ts';
import { remember } from '../../src/dispatch/retried.ts';
import { createRestoring, laneSaved, webhookSaved } from '../../src/dispatch/snapshot.ts';
import type { PendingSaved } from '../../src/events.ts';
import { newId, type OrganizationId } from '../../src/ids.ts';
import {
  endpointCreated,
  endpointId,
  laneAfter,
  organizationCreated,
  organizationId,
  scheduled,
  webhookId,
} from './story.ts';
import { ok, published, restore, type World, world } from './world.ts';

const NOW_MS = 100_000;

function ids(count: number): OrganizationId[] {
  return Array.from({ length: count }, (_, n) => `org_${n}` as const);
}

test('lanes that were asked for of late stay, and quiet ones that were not are let go', () => {
  const lanes = createLanes(10);
  for (const id of ids(10)) lanes.add(newLane(id));
  lanes.trim(NOW_MS);
  assert.equal([...lanes.values()].length, 10, 'as many as may be');
  for (let round = 0; round < 3; round++) {
    assert.ok(lanes.get('org_3'));
    for (const id of ids(9)) lanes.add(newLane(`${id}_${round}`));
    lanes.trim(NOW_MS);
  }
  assert.ok(lanes.has('org_3'));
  assert.equal(lanes.get('org_4'), undefined);
  assert.ok([...lanes.values()].length <= 20);
});

test('a lane is one, however often it is asked for and added', () => {
  const lanes = createLanes(1);
  lanes.add(newLane('org_1'));
  lanes.trim(NOW_MS);
  lanes.add(newLane('org_1'));
  assert.equal([...lanes.values()].length, 1);
  lanes.trim(NOW_MS);
  assert.equal(lanes.get('org_1')?.organizationId, 'org_1');
  assert.equal([...lanes.values()].length, 1);
});

test('a lane in which something happens by itself, or of which something stands in no record of its own, is kept', () => {
  const quiet = () => laneAfter(endpointCreated());
  const endpointOf = (lane: Lane) => {
    const endpoint = lane.endpoints.get(endpointId);
    assert.ok(endpoint);
    return endpoint;
  };
  assert.ok(isQuiet(quiet(), NOW_MS));
  const kept: Record<string, (lane: Lane) => void> = {
    'a gap that is not over': (lane) => {
      endpointOf(lane).lastStartedAtMs = NOW_MS - 4_999;
    },
    'a digest': (lane) => {
      endpointOf(lane).digest = { dueAtMs: NOW_MS } as never;
    },
    'a timer': (lane) => {
      endpointOf(lane).timerAtMs = NOW_MS;
    },
    'a request in flight': (lane) => {
      endpointOf(lane).inFlight = 1;
    },
    'a retry that is remembered': (lane) => {
      remember(lane, webhookId, { attempt: 2, atMs: 0, endpointId });
      lane.unsaved = null;
    },
    'what is not saved': (lane) => {
      lane.unsaved = [webhookId];
    },
    'an import': (lane) => {
      lane.importing = 'history';
    },
  };
  for (const [name, change] of Object.entries(kept)) {
    const lane = quiet();
    change(lane);
    assert.equal(isQuiet(lane, NOW_MS), false, name);
    const lanes = createLanes(0);
    lanes.add(lane);
    for (let turn = 0; turn < 3; turn++) lanes.trim(NOW_MS);
    assert.equal(lanes.get(organizationId), lane, name);
  }
  assert.equal(isQuiet(laneAfter(endpointCreated(), scheduled()), NOW_MS), false, 'what waits');
});

/** A world in which a webhook was delivered, at 0 ms, to an endpoint with a gap of 5 s. */
function delivered(): World {
  const of = world();
  of.add(organizationCreated(), endpointCreated(), published());
  const [request] = of.turn(0);
  assert.ok(request);
  of.turn(10, [[request, ok]]);
  return of;
}

test('of a lane that was let go the gap counts on, and what it had seen is not sent again', () => {
  const { add, turn, crash, types } = delivered();
  // Its gap is over, so it is let go.
  for (let nowMs = 5_000; nowMs < 5_005; nowMs++) turn(nowMs);
  add(published());
  const [next] = turn(6_000);
  assert.ok(next);
  turn(6_010, [[next, ok]]);
  add(published());
  assert.deepEqual(turn(10_999), []);
  assert.equal(types().at(-1), 'WebhookOmitted');
  for (let nowMs = 20_000; nowMs < 20_005; nowMs++) turn(nowMs);
  crash(20_010, { from: 0 });
  assert.deepEqual(turn(20_020), [], 'read again from the start');
});

test('a lane that was let go while its partition was read is asked for again when webhooks of it wait', () => {
  const lane = laneAfter(endpointCreated(), scheduled());
  const lanes = createLanes(0);
  const restoring = createRestoring(lanes, 0);
  restoring.take(laneSaved(lane), NOW_MS);
  lanes.trim(NOW_MS);
  lanes.trim(NOW_MS);
  assert.deepEqual([...lanes.values()], []);
  restoring.take(webhookSaved(lane, webhookId), NOW_MS);
  assert.deepEqual(restoring.absent(), [organizationId]);
  restoring.take(laneSaved(lane), NOW_MS);
  assert.deepEqual(restoring.absent(), []);
  restoring.end(NOW_MS);
  const restored = lanes.get(organizationId);
  assert.deepEqual([...(restored?.pending.keys() ?? [])], [webhookId]);
  assert.equal(restored?.endpoints.get(endpointId)?.queue?.waiting.length, 1);
  assert.equal(isQuiet(restored, NOW_MS), false);
});

test('webhooks of one event share its body when they are read again, and no others do', () => {
  const saved = webhookSaved(laneAfter(endpointCreated(), scheduled()), webhookId);
  assert.ok(saved.type === 'PendingSaved');
  const like = (change: Partial<PendingSaved>) => ({ ...saved, webhookId: newId('wh'), ...change });
  const records = [
    like({ body: Buffer.from('{"a":1}') }),
    like({ body: Buffer.from('{"a":1}') }),
    like({ body: Buffer.from('{"a":2}') }),
    like({ body: Buffer.from('{"a":1}'), eventId: newId('evt') }),
  ];
  const [restored] = restore([laneSaved(laneAfter(endpointCreated())), ...records], {
    nowMs: NOW_MS,
    skewMs: 0,
  }).values();
  const bodies = records.map((record) => restored?.pending.get(record.webhookId)?.body);
  assert.deepEqual(bodies.map(String), ['{"a":1}', '{"a":1}', '{"a":2}', '{"a":1}']);
  assert.equal(bodies[0], bodies[1]);
  assert.equal(new Set(bodies).size, 3);
});

test('when the clock is put forward within its gap, a lane that nobody asks for keeps it', () => {
  const { add, turn, step, types } = delivered();
  for (let nowMs = 11; nowMs < 15; nowMs++) turn(nowMs);
  step(3_600_000, 3_600_015);
  add(published());
  assert.deepEqual(turn(3_600_020), []);
  assert.equal(types().at(-1), 'WebhookOmitted');
});
