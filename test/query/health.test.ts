import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../../src/query/facts.ts';
import { inWords, judge, MOST_LAG_MS } from '../../src/query/health.ts';

/** All is well, but for what is given. */
function facts(given: Partial<Facts> = {}): Facts {
  return {
    serving: true,
    topics: [],
    groups: [],
    views: [],
    ahead: [],
    deliveries: { pending: 0, processed: 0, omitted: 0, error: 0 },
    logs: 0,
    countedTo: 100,
    oldestPending: null,
    oldestPendingAt: null,
    lanes: 0,
    importing: 0,
    laneStates: { sending: 0, waiting: 0, gap: 0, idle: 0 },
    timers: TIMERS,
    endpoints: { active: 0, failing: 0, disabled: 0, plain: 0, worst: [] },
    complete: true,
    logBytes: 0,
    viewsBytes: 0,
    ...given,
  };
}

const TIMERS = { inFlight: 0, due: 0, withinMinute: 0, later: 0, overdue: 0, longestOverdue: null };

function told(given: Partial<Facts>): string[] {
  return judge(facts(given)).map(({ level, what }) => `${level} ${what}`);
}

function behind(group: string, lag: number, lagMs: number) {
  return { group, topic: 'inbound' as const, lag, exact: true, lagMs };
}

test('nothing is wrong where nothing waits, with a server or without one', () => {
  assert.deepEqual([told({}), told({ serving: false })], [[], []]);
});

test('a lag is unhealthy when its oldest event has waited for too long, however many there are', () => {
  assert.deepEqual(told({ groups: [behind('recorder', 9_999_999, MOST_LAG_MS)] }), []);
  const [problem] = judge(facts({ groups: [behind('recorder', 1, MOST_LAG_MS + 5_000)] }));
  assert.equal(problem?.what, 'lag');
  assert.match(problem?.detail ?? '', /the recorder is 1m 5s behind in inbound, by 1 events/);
});

test('read models that are ahead of the log are unhealthy, served or not', () => {
  for (const serving of [true, false])
    assert.deepEqual(told({ serving, ahead: ['logs'] }), ['unhealthy ahead']);
});

test('an organization that is being imported is warned of: its import may have been cut off', () => {
  assert.deepEqual(told({ importing: 2 }), ['warning importing']);
});

test('without a server all that waits is one thing that is wrong, also what is due tomorrow', () => {
  const serving = false;
  const waits: Partial<Facts>[] = [
    { groups: [behind('recorder', 1, 1)] },
    { groups: [behind('dispatcher', 1, 1_000_000)] },
    { timers: { ...TIMERS, later: 1 } },
    { timers: { ...TIMERS, inFlight: 1 } },
  ];
  for (const one of waits) assert.deepEqual(told({ serving, ...one }), ['unhealthy no-server']);
  // Whoever asks for the read models brings them up.
  assert.deepEqual(told({ serving, groups: [behind('projector', 1, 1_000_000)] }), []);
  const [problem] = judge(
    facts({ serving, groups: [behind('recorder', 2, 1)], timers: { ...TIMERS, due: 1 } }),
  );
  assert.match(problem?.detail ?? '', /2 events to be recorded, 1 webhook to be sent; start hooklane serve/);
});

test('what is overdue is unhealthy, and the endpoint that has waited longest is named', () => {
  const longestOverdue = { since: '2026-01-01T00:00:00.000Z', endpointId: 'ep_1', organizationId: 'org_1' };
  const [problem] = judge(facts({ timers: { ...TIMERS, overdue: 2, longestOverdue } }));
  assert.deepEqual([problem?.level, problem?.what], ['unhealthy', 'overdue']);
  assert.match(problem?.detail ?? '', /2 endpoints .*ep_1 since 2026-01-01T00:00:00.000Z/);
});

test('subscribers that are not well are a warning; those that an operator has disabled are none', () => {
  const one = { endpointId: 'ep_1', organizationId: 'org_1', url: 'https://a.example/', failingSince: null };
  const endpoints = (disabledReason: string) => ({
    ...{ active: 0, failing: 0, disabled: 1, plain: 0 },
    worst: [{ ...one, status: 'disabled' as const, disabledReason }],
  });
  assert.deepEqual(told({ endpoints: endpoints('by an operator') }), []);
  assert.deepEqual(told({ endpoints: endpoints('answered 410 Gone') }), ['warning endpoints']);
  assert.deepEqual(told({ endpoints: { ...endpoints('by an operator'), failing: 1 } }), [
    'warning endpoints',
  ]);
  assert.deepEqual(told({ complete: false }), ['warning incomplete']);
});

test('a length of time is told in its two greatest units', () => {
  const cases = { 0: '0ms', 250: '250ms', 1000: '1s', 61000: '1m 1s', 3600000: '1h', 90061000: '1d 1h' };
  for (const [ms, words] of Object.entries(cases)) assert.equal(inWords(Number(ms)), words);
});
