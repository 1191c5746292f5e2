import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Reconciliation, type Run, reconcile, table } from './reconcile.ts';

const ENDPOINT = { id: 'ep_1', organizationId: 'org_1', path: '/plain', gapMs: 100, retries: false };

function log(number: number) {
  return { id: `log_${number}`, inboundWebhookId: `in_${number}`, message: `post ${number}` };
}

function delivery(number: number, status = 'processed') {
  const ids = { id: `wh_${number}`, eventId: `evt_${number}`, endpointId: 'ep_1', organizationId: 'org_1' };
  const attempts = status === 'omitted' ? [] : [{ startedAt: new Date(number * 1_000).toISOString() }];
  return { ...ids, status, attempts };
}

function arrival(number: number, atMs = number * 1_000) {
  return { path: '/plain', webhookId: `wh_${number}`, eventId: `evt_${number}`, atMs };
}

/** Post 1 was answered 201, post 2 was refused, 3 and 4 were not answered, and 3 is there. */
const GOOD: Run = {
  posted: [
    { number: 1, answer: { id: 'in_1' } },
    { number: 2, answer: { status: 503 } },
    { number: 3, answer: undefined },
    { number: 4, answer: undefined },
  ],
  logs: [log(1), log(3)],
  evidence: {
    endpoints: [ENDPOINT],
    deliveries: [delivery(1), delivery(3)],
    arrivals: [arrival(1), arrival(3)],
    noiseMs: 0,
    crashes: 1,
  },
  refusedMayBeThere: false,
  checks: { verify: '' },
  faults: { kills: 1 },
  seconds: 1,
};

/** The rows that are not as they must be, by name. */
function wrongRows({ rows }: Reconciliation): string[] {
  return rows
    .filter(({ count, mustBe }) => mustBe !== undefined && count !== mustBe)
    .map(({ what }) => what.trim());
}

test('a run in which nothing is lost, doubled or too close is all right, and counted', () => {
  const { rows, wrong } = reconcile(GOOD);
  assert.deepEqual(wrong, []);
  const counts = Object.fromEntries(rows.map(({ what, count }) => [what.trim(), count]));
  assert.deepEqual(
    [counts['posts sent'], counts['answered 201'], counts['answered otherwise'], counts['not answered']],
    [4, 1, 1, 2],
  );
  assert.deepEqual([counts['of posts answered 201'], counts['of posts not answered']], [1, 1]);
  assert.match(table(rows), /^ {2}lost +0 {2}✔$/m);
});

test('whatever is not as it must be is found, and named', () => {
  const { evidence } = GOOD;
  const broken: Record<string, Partial<Run>> = {
    lost: { logs: [log(3)], evidence: { ...evidence, deliveries: [delivery(3)], arrivals: [arrival(3)] } },
    doubled: { logs: [...GOOD.logs, log(3)] },
    'of posts answered otherwise': { logs: [...GOOD.logs, log(2)] },
    'of no post': { logs: [...GOOD.logs, { ...log(3), message: 'another' }] },
    missing: { evidence: { ...evidence, deliveries: [delivery(1)], arrivals: [arrival(1)] } },
    deliveries: { evidence: { ...evidence, deliveries: [...evidence.deliveries, delivery(5, 'omitted')] } },
    pending: { evidence: { ...evidence, deliveries: [delivery(1), delivery(3, 'pending')] } },
    'too close': { evidence: { ...evidence, arrivals: [arrival(1), arrival(3, 1_050)] } },
    'verify finds': { checks: { verify: 'something' } },
  };
  for (const [what, change] of Object.entries(broken)) {
    const found = reconcile({ ...GOOD, ...change });
    assert.ok(wrongRows(found).includes(what), `${what}: ${wrongRows(found)}`);
    assert.ok(found.wrong.length > 0);
    assert.match(table(found.rows), /✖ must be/);
  }
});

test('what arrived without being told of, or again without a crash, is wrong although all counts are right', () => {
  const { evidence } = GOOD;
  const unheard = { ...evidence, arrivals: [...evidence.arrivals, arrival(9)] };
  assert.match(String(reconcile({ ...GOOD, evidence: unheard }).wrong), /told of nowhere/);
  const repeated = { ...evidence, arrivals: [...evidence.arrivals, arrival(3, 9_000)], crashes: 0 };
  assert.match(String(reconcile({ ...GOOD, evidence: repeated }).wrong), /repeats at 0 crashes/);
});
