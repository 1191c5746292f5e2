// An organization that moves in: what its lane does between the marks of an import, and after it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LaneRecord, OrganizationEvent } from '../../src/events.ts';
import { importedLane } from '../../src/transfer/lane.ts';
import { answered500, endpointCreated, organizationCreated, organizationId } from './story.ts';
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
  return importedLane([...lanes.values()] as LaneRecord[], organizationId);
}

const history = [organizationCreated(), endpointCreated({ retriesMs: [60_000] }), published()];

/** A world whose one webhook has failed at 10, after it was started at 1, and is tried again a minute later. */
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
  assert.deepEqual(to.turn(70_000), [], 'it is due, and the import has not ended');
  assert.equal(to.nextDueAtMs(), undefined);
  assert.deepEqual(to.types(), []);
  to.add(ends);
  const [next, ...others] = to.turn(70_001);
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
    const [next] = to.turn(70_000);
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
