// Webhooks go from state to state as they may, and their attempts are numbered as they must be.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OrganizationEvent, OutboundEvent, WebhookRetryRequested } from '../../src/events.ts';
import {
  AT_MS,
  attemptFailed,
  attemptStarted,
  endpointCreated,
  eventPublished,
  id,
  omitted,
  organizationCreated,
  processed,
  retried,
  scheduled,
} from '../projections/facts.ts';
import { found, judge } from './history.ts';

const SECOND_MS = 1_000;
const { organizationId } = organizationCreated();
const ids = { organizationId, endpointId: id('ep'), webhookId: id('wh') } as const;
const asked: WebhookRetryRequested = {
  type: 'WebhookRetryRequested',
  ...ids,
  eventId: id('evt'),
  kind: 'order.paid',
  atMs: AT_MS,
  attemptCount: 0,
  body: Buffer.from('{}'),
};
const organizations: OrganizationEvent[] = [
  organizationCreated(),
  endpointCreated({ events: ['order.*'], gapMs: 0, timeoutMs: 5_000 }),
  eventPublished(),
  asked,
];
const kind = 'order.paid';
const born = scheduled({ kind });
const bornOmitted = omitted({ kind });
const failed: OutboundEvent = { type: 'WebhookFailed', ...ids, atMs: AT_MS, reason: 'status' };
const started = (attempt: number, atMs = AT_MS) => attemptStarted({ attempt, atMs });
const tried = (attempt: number) => attemptFailed({ attempt, nextAttemptAtMs: AT_MS + SECOND_MS });
const gaveUp = (attempt: number) => attemptFailed({ attempt, nextAttemptAtMs: null });
const ended = (attempt: number) => processed({ attempt });

const RIGHT: Record<string, OutboundEvent[]> = {
  'delivered at once': [born, started(1), ended(1)],
  'delivered at the second attempt': [born, started(1), tried(1), started(2), ended(2)],
  'in error': [born, started(1), gaveUp(1), failed],
  'ended before it was started': [born, failed],
  'omitted, and tried again': [bornOmitted, retried(), started(1), ended(1)],
  'in error, and tried again': [born, started(1), gaveUp(1), failed, retried(), started(2), ended(2)],
  'waiting for its second attempt': [born, started(1), tried(1)],
};

suite('a life is as it may be', () => {
  for (const [name, outbound] of Object.entries(RIGHT)) {
    test(name, async () => assert.deepEqual(await found({ organizations, outbound }), []));
  }
});

const WRONG: Record<string, [outbound: OutboundEvent[], finding: string]> = {
  'a repeat after success': [
    [born, started(1), ended(1), started(2), ended(2)],
    `transitions: ${id('wh')} is processed, and then comes AttemptStarted`,
  ],
  'tried again after success': [
    [born, started(1), ended(1), retried(), started(2), ended(2)],
    `transitions: ${id('wh')} is processed, and then comes WebhookRetried`,
  ],
  'an attempt of what was omitted': [
    [bornOmitted, started(1), ended(1)],
    `transitions: ${id('wh')} is omitted, and then comes AttemptStarted`,
  ],
  'a second attempt while one is in flight': [
    [born, started(1), started(2), ended(2)],
    `transitions: ${id('wh')} is in flight, and then comes AttemptStarted`,
  ],
  'an outcome without an attempt': [
    [born, ended(1)],
    `transitions: ${id('wh')} is waiting, and then comes WebhookProcessed`,
  ],
  'another attempt after the last one': [
    [born, started(1), gaveUp(1), started(2), ended(2)],
    `transitions: ${id('wh')} is failed for good, and then comes AttemptStarted`,
  ],
  'two ends': [
    [born, started(1), ended(1), failed],
    `transitions: ${id('wh')} is processed, and then comes WebhookFailed`,
  ],
  'a hole in the numbers of attempts': [
    [born, started(1), tried(1), started(3), ended(3)],
    `attempts: attempt 3 of ${id('wh')} follows attempt 1`,
  ],
  'numbers that begin anew after a retry': [
    [born, started(1), gaveUp(1), failed, retried(), started(1), ended(1)],
    `attempts: attempt 1 of ${id('wh')} follows attempt 1`,
  ],
  'an outcome of another attempt': [
    [born, started(1), tried(1), started(2), ended(1)],
    `attempts: ${id('wh')} has an outcome of attempt 1, and attempt 2 is in flight`,
  ],
  'tried again twice, and asked for once': [
    [bornOmitted, retried(), failed, retried(), failed],
    `transitions: ${id('wh')} is pending again, and nobody had asked for that`,
  ],
  'an attempt for another endpoint': [
    [born, attemptStarted({ endpointId: id('ep', 5) })],
    `transitions: ${id('wh')} is for ${id('ep')}, and AttemptStarted says for ${id('ep', 5)}`,
  ],
};

suite('a life that may not be is found', () => {
  for (const [name, [outbound, finding]] of Object.entries(WRONG)) {
    test(name, async () => assert.deepEqual(await found({ organizations, outbound }), [finding]));
  }
});

test('an id that two webhooks have is found', async () => {
  const all = [...organizations, eventPublished({ eventId: id('evt', 2) })];
  for (const end of [[], [started(1), ended(1)]]) {
    const outbound = [born, ...end, scheduled({ kind, eventId: id('evt', 2) })];
    assert.deepEqual(await found({ organizations: all, outbound }), [
      `ids: ${id('wh')} is the id of two webhooks`,
    ]);
  }
});

test('what is told of a webhook that never came to be is found, but not when it may have been pruned', async () => {
  const outbound = [started(1), ended(1)];
  assert.deepEqual(await found({ outbound }), [
    `transitions: AttemptStarted is told of ${id('wh')}, which never came to be`,
  ]);
  const pruned = { horizonMs: AT_MS + 1 };
  assert.deepEqual(await found({ outbound: [retried(), ...outbound] }, pruned), []);
  assert.deepEqual(await found({ outbound: [failed, retried(), started(5), ended(5)] }, pruned), []);
});

test('an attempt without outcome is made up for once its time is over, and not before', async () => {
  const interrupted = (atMs: number) =>
    attemptFailed({ attempt: 1, atMs, error: 'interrupted', nextAttemptAtMs: atMs });
  const life = (atMs: number) => [born, started(1), interrupted(atMs), started(2, atMs), ended(2)];
  assert.deepEqual(await found({ organizations, outbound: life(AT_MS + 5_000) }), []);
  assert.deepEqual(await found({ organizations, outbound: life(AT_MS + 4_999) }), [
    `attempts: attempt 1 of ${id('wh')} was given up as interrupted 4999 ms after its start, and may have been under way for 5000 ms`,
  ]);
  const gone = attemptFailed({ attempt: 1, atMs: AT_MS + 1, error: 'interrupted', nextAttemptAtMs: null });
  assert.deepEqual(await found({ organizations, outbound: [born, started(1), gone, failed] }), []);
});

test('what is pending is counted', async () => {
  const { open } = await judge({ organizations, outbound: [born, started(1), tried(1)] });
  assert.equal(open.pending, 1);
});
