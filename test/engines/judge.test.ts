// That the judge of the scale-out tests finds each thing that can be wrong, and nothing where all is well.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Evidence, judge } from './judge.ts';

const iso = (atMs: number) => new Date(atMs).toISOString();

/** A post and an event, both for one endpoint: the first delivered, the second omitted. */
function innocent(): Evidence {
  return {
    posted: ['in_1'],
    published: ['evt_2'],
    logs: [{ id: 'log_1', inboundWebhookId: 'in_1' }],
    endpoints: [{ id: 'ep_1', organizationId: 'org_1', path: '/1', gapMs: 300, retries: false }],
    deliveries: [
      {
        ...{ id: 'wh_1', endpointId: 'ep_1', organizationId: 'org_1', eventId: 'evt_1' },
        ...{ status: 'processed', attempts: [{ startedAt: iso(1_000) }] },
      },
      {
        ...{ id: 'wh_2', endpointId: 'ep_1', organizationId: 'org_1', eventId: 'evt_2' },
        ...{ status: 'omitted', attempts: [] },
      },
    ],
    arrivals: [{ path: '/1', webhookId: 'wh_1', eventId: 'evt_1', atMs: 1_001 }],
    noiseMs: 10,
    crashes: 0,
  };
}

/** The delivered one, sent again 500 ms later. */
function twice(): Partial<Evidence> {
  const [first, ...others] = innocent().deliveries;
  assert.ok(first);
  const attempts = [{ startedAt: iso(1_000) }, { startedAt: iso(1_500) }];
  return { deliveries: [{ ...first, attempts }, ...others] };
}

test('nothing is wrong where all is well', () => {
  assert.deepEqual(judge(innocent()), []);
});

const [delivered, omitted] = innocent().deliveries;
const [arrival] = innocent().arrivals;
assert.ok(delivered && omitted && arrival);

for (const [what, change, found] of [
  ['a post that was lost', { logs: [] }, /in_1 has become no log/],
  [
    'a post that became two logs',
    { logs: [...innocent().logs, { id: 'log_9', inboundWebhookId: 'in_1' }] },
    /in_1 has become 2 logs/,
  ],
  ['a trigger without a delivery', { deliveries: [delivered] }, /evt_2 has no delivery/],
  [
    'a trigger with two deliveries',
    { deliveries: [delivered, omitted, { ...omitted, id: 'wh_3' }] },
    /evt_2 ep_1 has 2 deliveries/,
  ],
  [
    'an endpoint that was forgotten',
    {
      endpoints: [
        ...innocent().endpoints,
        { id: 'ep_2', organizationId: 'org_1', path: '/2', gapMs: 0, retries: false },
      ],
    },
    /evt_1 has no delivery for ep_2/,
  ],
  [
    'what is pending for ever',
    { deliveries: [delivered, { ...omitted, status: 'pending' }] },
    /wh_2 is pending in the end/,
  ],
  ['what is said to have been sent', { arrivals: [] }, /wh_1 is processed and has never arrived/],
  [
    'what was sent all the same',
    { arrivals: [arrival, { ...arrival, webhookId: 'wh_2', eventId: 'evt_2', atMs: 2_000 }] },
    /wh_2 is omitted and has arrived/,
  ],
  [
    'what nobody knows of',
    { arrivals: [arrival, { ...arrival, webhookId: 'wh_9', atMs: 2_000 }] },
    /wh_9 has arrived and is told of nowhere/,
  ],
  [
    'another event under the same id',
    { arrivals: [{ ...arrival, eventId: 'evt_9' }] },
    /wh_1 has arrived with evt_9/,
  ],
  [
    'a repeat without a crash',
    { ...twice(), arrivals: [arrival, { ...arrival, atMs: 2_000 }] },
    /1 repeats at 0 crashes/,
  ],
  [
    'an arrival without an attempt',
    { crashes: 1, arrivals: [arrival, { ...arrival, atMs: 2_000 }] },
    /wh_1 has arrived 2 times, with 1 attempts/,
  ],
  [
    'two arrivals within the gap',
    { crashes: 1, arrivals: [arrival, { ...arrival, atMs: 1_290 }] },
    /wh_1 arrived 289.0 ms after wh_1/,
  ],
  [
    'two starts within the gap',
    {
      deliveries: [
        { ...delivered, attempts: [{ startedAt: iso(1_000) }, { startedAt: iso(1_299) }] },
        omitted,
      ],
    },
    /wh_1 is told to have started 299 ms after wh_1/,
  ],
] as [string, Partial<Evidence>, RegExp][]) {
  test(`${what} is found`, () => {
    const wrong = judge({ ...innocent(), ...change });
    assert.ok(
      wrong.some((line) => found.test(line)),
      wrong.join('\n'),
    );
  });
}

test('a repeat after a crash, outside the gap, is not wrong, and neither is what noise explains', () => {
  const arrivals = [arrival, { ...arrival, atMs: 1_001 + 291 }];
  assert.deepEqual(judge({ ...innocent(), ...twice(), crashes: 1, arrivals }), []);
});
