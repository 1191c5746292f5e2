import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newEndpoint, newLane } from '../../src/dispatch/lane.ts';
import { createTimers } from '../../src/dispatch/timers.ts';
import { newId } from '../../src/ids.ts';
import { endpointCreated, organizationId } from './story.ts';

const HOUR = 3_600_000;

/** An endpoint of which a digest is due at `dueAtMs`. */
function due(dueAtMs: number) {
  const id = newId('ep');
  const endpoint = newEndpoint(endpointCreated({ endpointId: id, gapMs: 0 }), id, 'sealed');
  const digest = (atMs: number) => ({ dueAtMs: atMs, sinceMs: 0, untilMs: 0, counts: [], newest: [] });
  endpoint.digest = digest(dueAtMs);
  return {
    endpoint,
    isDueAt(atMs: number) {
      endpoint.digest = digest(atMs);
    },
  };
}

test('timers that are set anew again and again, behind one that stands, take no more room', () => {
  const timers = createTimers();
  const lane = newLane(organizationId);
  const first = due(HOUR);
  const second = due(24 * HOUR);
  timers.arm(lane, first.endpoint);
  timers.arm(lane, second.endpoint);
  for (let nowMs = 1; nowMs <= 10_000; nowMs++) {
    second.isDueAt(nowMs);
    timers.arm(lane, second.endpoint);
    assert.equal(timers.take(nowMs, 0)?.endpoint, second.endpoint);
    second.endpoint.timerAtMs = null;
    second.isDueAt(24 * HOUR);
    timers.arm(lane, second.endpoint);
  }
  assert.ok(timers.size < 2_000, `${timers.size}`);
  assert.equal(timers.take(HOUR - 1, 0), undefined);
  assert.equal(timers.take(HOUR, 0)?.endpoint, first.endpoint);
  first.endpoint.timerAtMs = null;
  assert.equal(timers.take(24 * HOUR, 0)?.endpoint, second.endpoint);
});

test('of many that stand none is lost, and they come in their order', () => {
  const timers = createTimers();
  const lane = newLane(organizationId);
  const endpoints = Array.from({ length: 5_000 }, (_, n) => due((n * 7_919) % 5_000).endpoint);
  for (const endpoint of endpoints) timers.arm(lane, endpoint);
  const taken = endpoints.map(() => timers.take(5_000, 0)?.atMs);
  assert.deepEqual(
    taken,
    endpoints.map((_, n) => n),
  );
});
