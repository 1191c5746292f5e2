import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OrganizationEvent } from '../src/events.ts';
import { matches, subscribesTo, triggerOf, webhookBody } from '../src/trigger.ts';
import * as facts from './projections/facts.ts';

const { AT, AT_MS, id } = facts;

/** The body of the webhook that tells of an event. */
function bodyOf(event: OrganizationEvent): string {
  const trigger = triggerOf(event);
  assert.ok(trigger, `${event.type} is a trigger`);
  return webhookBody(trigger);
}

test('a recorded log is told with all that it holds; user and extra byte for byte', () => {
  const log = facts.logRecorded({ user: '{ "id": 7.0 }', extra: '{"n":1e400}', stack: null });
  const envelope = `{"id":"${id('evt')}","type":"log.created","timestamp":"2026-01-31T12:00:00.002Z"`;
  const ids = `"id":"${id('log')}","projectId":"${id('prj')}","integrationId":"${id('int')}"`;
  const facts1 = `"inboundWebhookId":"${id('in')}","message":"boom","level":"error","type":"TypeError"`;
  const facts2 = '"environment":"production","release":null,"fingerprint":"f1"';
  const times = `"occurredAt":"2026-01-31T11:59:59.000Z","receivedAt":"${AT}"`;
  const rest = '"stack":null,"tags":{"region":"eu"},"user":{ "id": 7.0 },"extra":{"n":1e400}';
  const data = `{${ids},${facts1},${facts2},${times},${rest}}`;
  assert.equal(bodyOf(log), `${envelope},"organizationId":"${id('org')}","data":${data}}`);
});

test('what a digest tells of a log ends with a whole character', () => {
  const trigger = triggerOf(facts.logRecorded({ message: `${'a'.repeat(199)}😀` }));
  assert.equal(trigger?.summary?.isWellFormed(), true);
  assert.match(trigger?.summary ?? '', /^a{199}/);
});

test('a log without a user says null', () => {
  assert.match(bodyOf(facts.logRecorded({ user: null })), /"user":null,"extra":/);
});

test('a deploy, a project, an integration and a published event are told', () => {
  const told = (event: OrganizationEvent) => {
    const { id: eventId, type, timestamp, organizationId, data } = JSON.parse(bodyOf(event));
    assert.equal(organizationId, id('org'));
    return { eventId, type, timestamp, data };
  };
  const eventId = id('evt');
  const ids = { projectId: id('prj'), integrationId: id('int') };
  assert.deepEqual(told(facts.deployRecorded({ extra: '{"by":"me"}' })), {
    eventId,
    type: 'deploy.created',
    timestamp: '2026-01-31T12:00:00.002Z',
    data: {
      id: id('in'),
      ...ids,
      version: '1.2.3',
      environment: null,
      url: null,
      receivedAt: AT,
      extra: { by: 'me' },
    },
  });
  const at = { eventId, timestamp: AT };
  assert.deepEqual(told(facts.projectCreated()), {
    ...at,
    type: 'project.created',
    data: { id: id('prj'), name: 'shop', createdAt: AT },
  });
  assert.deepEqual(told(facts.integrationCreated()), {
    ...at,
    type: 'integration.created',
    data: { id: id('int'), projectId: id('prj'), name: 'web', createdAt: AT },
  });
  assert.deepEqual(told(facts.eventPublished()), { ...at, type: 'order.paid', data: { total: 1.5 } });
});

test('what subscribers may not hear of is no trigger', () => {
  const organizationId = id('org');
  const none: OrganizationEvent[] = [
    facts.organizationCreated(),
    facts.integrationChanged(),
    facts.endpointCreated(),
    facts.inboundWebhookFailed(),
    { type: 'ProjectDeleted', organizationId, projectId: id('prj'), atMs: AT_MS },
  ];
  for (const event of none) assert.equal(triggerOf(event), undefined, event.type);
});

test('every body is JSON with the envelope’s five fields', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, fc.json(), (message, kind, data) => {
      const bodies = [
        bodyOf(facts.logRecorded({ message, tags: { [message]: kind } })),
        bodyOf(facts.eventPublished({ kind, data })),
        bodyOf(facts.projectCreated({ name: message })),
      ];
      for (const body of bodies) {
        assert.deepEqual(Object.keys(JSON.parse(body)), [
          'id',
          'type',
          'timestamp',
          'organizationId',
          'data',
        ]);
      }
    }),
  );
});

test('data is made only when it is asked for', () => {
  const trigger = triggerOf(facts.logRecorded({ occurredAtMs: Number.NaN }));
  assert.ok(trigger);
  assert.throws(() => trigger.data(), RangeError);
});

test('a pattern matches the whole kind, each * any run of characters', () => {
  const cases: [pattern: string, matching: string[], others: string[]][] = [
    ['log.created', ['log.created'], ['log.create', 'log.created.', 'Log.created', '']],
    ['log.*', ['log.created', 'log.'], ['log', 'xlog.a', 'logs.a']],
    ['*', ['', 'a', '*'], []],
    ['*.created', ['log.created', '.created'], ['created', 'log.created2']],
    ['a*a', ['aa', 'aba'], ['a', 'ab']],
    ['a*b*c', ['abc', 'axbxc', 'abbc'], ['acb', 'ac', 'abcx']],
    ['*a*a*', ['aa', 'xaxax'], ['a', 'xax']],
    ['ab*ba', ['abba', 'abxba'], ['aba', 'ab']],
    ['a**b', ['ab', 'axb'], ['a', 'b']],
    ['l.g', ['l.g'], ['log']],
    ['', [''], ['a']],
  ];
  for (const [pattern, matching, others] of cases) {
    for (const kind of matching) assert.equal(matches(pattern, kind), true, `${pattern} ${kind}`);
    for (const kind of others) assert.equal(matches(pattern, kind), false, `${pattern} ${kind}`);
  }
});

test('a pattern matches as the regular expression that it stands for', () => {
  const word = (letters: string) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 8 });
  fc.assert(
    fc.property(word('ab.*'), word('ab.'), (pattern, kind) => {
      const parts = pattern.split('*').map((part) => part.replaceAll('.', '\\.'));
      assert.equal(matches(pattern, kind), new RegExp(`^${parts.join('.*')}$`, 's').test(kind));
    }),
    { numRuns: 3_000 },
  );
});

test('a pattern of many stars is answered at once', () => {
  assert.equal(matches(`${'*a'.repeat(500)}*b`, 'a'.repeat(5_000)), false);
});

test('an endpoint hears of a kind if one of its patterns matches', () => {
  assert.equal(subscribesTo(['deploy.created', 'log.*'], 'log.created'), true);
  assert.equal(subscribesTo(['deploy.created', 'log.*'], 'project.created'), false);
  assert.equal(subscribesTo([], 'log.created'), false);
});
