import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bytesText,
  type Costs,
  onOneCore,
  perSecondOf,
  plan,
  RULES,
  tableOf,
} from '../../bench/scale/model.ts';

const COSTS: Costs = {
  postUs: 100,
  recordUs: 50,
  dispatchUs: 150,
  projectUs: 200,
  laneBytes: 2_000,
  laneRecordBytes: 500,
  processBytes: 100e6,
  restoreUs: 20,
  logBytes: 3_000,
  organizationBytes: 1_500,
  knowUs: 20,
};

test('little needs one process of each role, and the partitions that there are at the least', () => {
  const { api, record, dispatch, partitions, partitionsBy } = plan(
    { organizations: 1_000, eventsPerSecond: 100 },
    COSTS,
  );
  assert.deepEqual([api, record, dispatch, partitions, partitionsBy], [1, 1, 1, 16, 'least']);
});

test('processes follow from what an event costs and how much of a core is used', () => {
  const { api, record } = plan({ organizations: 1_000, eventsPerSecond: 60_000 }, COSTS);
  // 6 and 3 cores, of which 0.6 each are used.
  assert.deepEqual([api, record], [10, 5]);
});

test('dispatchers are as many as their processor, their requests in flight, or their lanes ask for, whichever is most', () => {
  const slow = { ...RULES, receiverMs: 1_000 };
  const few = { organizations: 1_000, eventsPerSecond: 60_000 };
  const many = { organizations: 10_000_000, eventsPerSecond: 100 };
  assert.deepEqual([plan(few, COSTS).dispatch, plan(few, COSTS).dispatchBy], [20, 'requests in flight']);
  assert.equal(plan(few, COSTS, { ...RULES, receiverMs: 10 }).dispatchBy, 'processor');
  assert.equal(plan(few, COSTS, slow).dispatch, 196);
  assert.deepEqual([plan(many, COSTS).dispatch, plan(many, COSTS).dispatchBy], [10, 'memory']);
});

test('a partition has no more lanes than a takeover allows, and its takeover is the session and their restoring', () => {
  const { partitions, partitionsBy, takeoverMs } = plan(
    { organizations: 10_000_000, eventsPerSecond: 1 },
    COSTS,
  );
  assert.deepEqual([partitions, partitionsBy], [128, 'lanes']);
  assert.equal(takeoverMs, 10_000 + (10_000_000 / 128) * 0.02);
});

test('a process that serves the API knows all organizations, however many processes there are', () => {
  const { api, apiBytes, apiStartMs } = plan({ organizations: 1_000_000, eventsPerSecond: 60_000 }, COSTS);
  assert.deepEqual([api, apiBytes, apiStartMs], [10, 1_600e6, 20_000]);
});

test('a partition takes in a turn of events for each of its commits', () => {
  assert.equal(perSecondOf({ dispatchUs: 60 }, { ...RULES, turnEvents: 500, commitMs: 20 }), 10_000);
});

test('one process with all roles takes what one core can do', () => {
  assert.equal(onOneCore(COSTS, { use: 0.6 }), 2_000);
});

test('whatever is asked for, nothing is used beyond what is planned but the projector, and more never needs less', () => {
  const asked = fc.record({
    organizations: fc.integer({ min: 1, max: 20_000_000 }),
    eventsPerSecond: fc.integer({ min: 1, max: 2_000_000 }),
  });
  fc.assert(
    fc.property(asked, ({ organizations, eventsPerSecond }) => {
      const planned = plan({ organizations, eventsPerSecond }, COSTS);
      const { api, dispatch, partitions, dispatcherBytes } = planned;
      assert.ok((eventsPerSecond * COSTS.postUs) / 1e6 / api <= RULES.use + 1e-9);
      assert.ok((eventsPerSecond * COSTS.dispatchUs) / 1e6 / dispatch <= RULES.use + 1e-9);
      assert.ok(dispatch <= partitions);
      assert.ok(organizations / partitions <= RULES.partitionLanes);
      assert.ok(dispatcherBytes <= COSTS.processBytes + RULES.heapBytes + 1);
      const more = plan({ organizations: organizations * 2, eventsPerSecond: eventsPerSecond * 2 }, COSTS);
      assert.ok(more.dispatch >= dispatch && more.partitions >= partitions && more.api >= api);
    }),
  );
});

test('the projector, of which there is one, is what gives out first where it has more than a core to do', () => {
  const planned = plan({ organizations: 1_000, eventsPerSecond: 10_000 }, COSTS);
  assert.deepEqual([planned.projectCores, planned.first], [2, 'the projector']);
});

test('the table has a row for each plan, and bytes for people', () => {
  const table = tableOf([plan({ organizations: 1_000, eventsPerSecond: 100 }, COSTS)]).split('\n');
  assert.equal(table.length, 3);
  assert.match(
    table[2] ?? '',
    /^\| 1,000 \| 100 \| 16 \(least\) \| 1 \| 1 \| 1 \(processor\) \| 0\.02 \| 102 MB \| 102 MB \| 500 kB \|/,
  );
  assert.deepEqual([0, 999, 1_500, 25e6, 3e16].map(bytesText), ['0 B', '999 B', '1.5 kB', '25 MB', '30 PB']);
});
