import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LaneEndpointState, LaneSaved, PendingSaved } from '../../src/events.ts';
import type { EndpointId, OrganizationId } from '../../src/ids.ts';
import { type LanesSummary, OVERDUE_MS, readLanes } from '../../src/query/lanes.ts';
import { toIso } from '../../src/time.ts';
import { EXAMPLES } from '../log/examples.ts';

const NOW_MS = 1_800_000_000_000;
const GAP_MS = 5_000;

function endpoint(name: string, state: Partial<LaneEndpointState> = {}): LaneEndpointState {
  return {
    endpointId: `ep_${name}`,
    ...{ url: `https://${name}.example/`, events: ['log.*'], gapMs: GAP_MS, timeoutMs: 5_000 },
    ...{ whenBusy: 'queue', maxQueued: 100, retriesMs: [], status: 'active', disabledReason: null },
    ...{ secret: 'sealed', previousSecrets: [], lastStartedAtMs: 0, failingSinceMs: null },
    ...{ warned: false, omitted: 0, digest: null, forgotten: null },
    ...state,
  };
}

function lane(name: string, ...endpoints: LaneEndpointState[]): LaneSaved {
  return { ...EXAMPLES.LaneSaved, organizationId: `org_${name}`, importing: null, endpoints };
}

let webhooks = 0;
function pending(to: [lane: string, endpoint: string], state: Partial<PendingSaved> = {}): PendingSaved {
  const organizationId: OrganizationId = `org_${to[0]}`;
  const endpointId: EndpointId = `ep_${to[1]}`;
  const fresh = { startedAtMs: null, timeoutMs: 5_000, dueAtMs: NOW_MS };
  const webhookId = `wh_${webhooks++}` as const;
  return { ...EXAMPLES.PendingSaved, ...fresh, ...state, webhookId, organizationId, endpointId };
}

function summaryOf(...records: (LaneSaved | PendingSaved)[]): LanesSummary {
  const reading = readLanes(NOW_MS);
  for (const record of records) reading.take(record);
  return reading.summary();
}

test('each lane is in one state: it sends, or has something that waits, or is inside a gap, or is idle', () => {
  const justNow = { lastStartedAtMs: NOW_MS - GAP_MS + 1 };
  const { lanes, states } = summaryOf(
    lane('sends', endpoint('a', justNow), endpoint('b')),
    // In the order of the log what is pending may stand before its lane, or behind it.
    pending(['waits', 'c'], { dueAtMs: NOW_MS + 1 }),
    lane('waits', endpoint('c', justNow)),
    pending(['sends', 'a'], { startedAtMs: NOW_MS - 1 }),
    pending(['sends', 'b']),
    lane('digest', endpoint('d', { digest: { ...EMPTY_DIGEST, dueAtMs: NOW_MS + 9 } })),
    lane('gap', endpoint('e', justNow)),
    lane('free', endpoint('f', { lastStartedAtMs: NOW_MS - GAP_MS })),
    lane('off', endpoint('g', { ...justNow, status: 'disabled' })),
    lane('bare'),
  );
  assert.equal(lanes, 7);
  assert.deepEqual(states, { sending: 1, waiting: 2, gap: 1, idle: 3 });
});

const EMPTY_DIGEST = { dueAtMs: 0, sinceMs: 0, untilMs: 0, counts: [], newest: [] };

test('what is being imported waits, and is not overdue however long that takes', () => {
  const late = { dueAtMs: NOW_MS - 2 * OVERDUE_MS };
  const records = [lane('x', endpoint('a')), pending(['x', 'a'], late)] as const;
  const { timers, importing } = summaryOf(...records);
  assert.deepEqual([timers.overdue, importing], [1, 0]);
  const held = summaryOf({ ...records[0], importing: 'held' }, records[1]);
  assert.deepEqual([held.timers.overdue, held.timers.due, held.importing], [0, 1, 1]);
});

test('what waits is counted by when it is due, digests too', () => {
  const { timers } = summaryOf(
    lane('x', endpoint('a', { digest: { ...EMPTY_DIGEST, dueAtMs: NOW_MS + 60_001 } })),
    pending(['x', 'a']),
    pending(['x', 'a'], { dueAtMs: NOW_MS + 1 }),
    pending(['x', 'a'], { dueAtMs: NOW_MS + 60_000 }),
    pending(['x', 'a'], { startedAtMs: NOW_MS - 5 }),
  );
  const { longestOverdue, ...counts } = timers;
  assert.deepEqual(counts, { inFlight: 1, due: 1, withinMinute: 2, later: 1, overdue: 0 });
  assert.equal(longestOverdue, null);
});

test('overdue is what could have been sent, or should have ended, more than a minute ago', () => {
  const dueAtMs = NOW_MS - OVERDUE_MS - 1;
  const cases: [Partial<LaneEndpointState>, Partial<PendingSaved>[], overdue: number][] = [
    [{}, [{ dueAtMs }], 1],
    [{}, [{ dueAtMs: dueAtMs + 1 }], 0],
    // A long queue: what is behind waits for the gap, which is as it should be.
    [{ lastStartedAtMs: NOW_MS - 1 }, [{ dueAtMs }, { dueAtMs: dueAtMs - 1_000_000 }], 0],
    [{}, [{ dueAtMs: dueAtMs - 9_000, startedAtMs: dueAtMs - 5_000 }], 1],
    [{}, [{ dueAtMs: dueAtMs - 9_000, startedAtMs: dueAtMs - 4_999 }, { dueAtMs }], 0],
    [{ digest: { ...EMPTY_DIGEST, dueAtMs } }, [], 1],
  ];
  for (const [state, waiting, overdue] of cases) {
    const told = summaryOf(
      lane('x', endpoint('a', state)),
      ...waiting.map((one) => pending(['x', 'a'], one)),
    );
    assert.equal(told.timers.overdue, overdue, JSON.stringify([state, waiting]));
  }
  const both = ['a', 'b'].map((name, i) => pending(['x', name], { dueAtMs: dueAtMs - i }));
  assert.deepEqual(summaryOf(lane('x', endpoint('a'), endpoint('b')), ...both).timers.longestOverdue, {
    since: toIso(dueAtMs - 1),
    endpointId: 'ep_b',
    organizationId: 'org_x',
  });
});

test('endpoints that are not well are counted; the worst few are named, failing ones first, longest first', () => {
  const failing = Array.from({ length: 30 }, (_, i) => endpoint(`f${i}`, { failingSinceMs: NOW_MS - i }));
  const { endpoints } = summaryOf(
    lane('x', endpoint('off', { status: 'disabled', disabledReason: 'answered 410 Gone' })),
    lane('y', ...failing, endpoint('plain', { url: 'http://plain.example/' })),
  );
  const { worst, ...counts } = endpoints;
  assert.deepEqual(counts, { active: 31, failing: 30, disabled: 1, plain: 1 });
  assert.deepEqual(
    worst.map(({ endpointId }) => endpointId),
    failing
      .slice(20)
      .map(({ endpointId }) => endpointId)
      .reverse(),
  );
  const few = summaryOf(
    lane(
      'x',
      endpoint('off', { status: 'disabled', disabledReason: 'answered 410 Gone', failingSinceMs: 1 }),
    ),
    lane('y', endpoint('bad', { failingSinceMs: NOW_MS - 7 })),
  ).endpoints.worst;
  assert.deepEqual(few, [
    {
      ...{ endpointId: 'ep_bad', organizationId: 'org_y', url: 'https://bad.example/', status: 'failing' },
      ...{ failingSince: toIso(NOW_MS - 7), disabledReason: null },
    },
    {
      ...{ endpointId: 'ep_off', organizationId: 'org_x', url: 'https://off.example/', status: 'disabled' },
      ...{ failingSince: toIso(1), disabledReason: 'answered 410 Gone' },
    },
  ]);
  assert.ok(!JSON.stringify(few).includes('sealed'));
});
