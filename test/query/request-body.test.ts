// What a query shows of a request, and what a retry sends, is byte for byte what was sent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LOG_LEVELS, type OrganizationEvent } from '../../src/events.ts';
import { siblingId } from '../../src/ids.ts';
import { triggerOf, webhookBody } from '../../src/trigger.ts';
import * as facts from '../projections/facts.ts';
import { after } from './store.ts';

const { id } = facts;

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\u0000', '\ud800', '\u2028"\\', 'null', '𝄞', '__proto__'),
);
const anyTextOrNull = fc.option(anyText);
/** Up to the year 9999, and before 1970. */
const anyTime = fc.integer({ min: -1e12, max: 253_402_300_799_999 });
/** Objects as a sender may write them: spaces, numbers that no double holds, names twice. */
const anyObjectText = fc.oneof(
  fc.dictionary(anyText, fc.jsonValue()).map((value) => JSON.stringify(value)),
  fc.constantFrom(
    '{}',
    '{ "a" : 1.0 , "a":2 }',
    '{"n":[1e400,-0,0.10,12345678901234567890,1E+2]}',
    '{"__proto__":{"x":1},"":"\\u00e9é"}',
  ),
);
/** As the log's codec reads them: `__proto__` among them, as a key of its own. */
const anyTags = fc
  .dictionary(fc.oneof(anyText, fc.constantFrom('10', '9', 'b', 'a', '__proto__', 'constructor')), anyText)
  .map((tags): Record<string, string> => JSON.parse(JSON.stringify(tags)));

const anyTrigger: fc.Arbitrary<OrganizationEvent> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({
        atMs: anyTime,
        receivedAtMs: anyTime,
        occurredAtMs: anyTime,
        message: anyText,
        level: fc.constantFrom(...LOG_LEVELS),
        errorType: anyTextOrNull,
        stack: anyTextOrNull,
        environment: anyTextOrNull,
        release: anyTextOrNull,
        fingerprint: anyText,
        tags: anyTags,
        user: fc.option(anyObjectText),
        extra: anyObjectText,
      })
      .map((log) => facts.logRecorded(log)),
  },
  fc
    .record({
      atMs: anyTime,
      receivedAtMs: anyTime,
      version: anyText,
      environment: anyTextOrNull,
      url: anyTextOrNull,
      extra: anyObjectText,
    })
    .map((deploy) => facts.deployRecorded(deploy)),
  fc
    .record({ atMs: anyTime, kind: anyText, data: fc.oneof(anyObjectText, fc.json()) })
    .map((event) => facts.eventPublished(event)),
  fc.record({ atMs: anyTime, name: anyText }).map((project) => facts.projectCreated(project)),
  fc.record({ atMs: anyTime, name: anyText }).map((integration) => facts.integrationCreated(integration)),
);

test('the body of a retry is what was sent, whatever the trigger says', async (t) => {
  const { queries, happened } = await after(t);
  let n = 0;
  await fc.assert(
    fc.asyncProperty(anyTrigger, async (event) => {
      n++;
      const own = withId(event, n);
      const trigger = triggerOf(own);
      assert.ok(trigger);
      const webhookId = id('wh', n);
      await happened(own, facts.scheduled({ webhookId, eventId: trigger.eventId }));
      const { body } = await queries.retryable(webhookId);
      // As it leaves: a lone surrogate is no character, and leaves as the replacement character.
      assert.deepEqual(body, Buffer.from(webhookBody(trigger)));
    }),
    { numRuns: 200 },
  );
});

/** The same event about the `n`th thing. */
function withId(event: OrganizationEvent, n: number): OrganizationEvent {
  switch (event.type) {
    case 'LogRecorded':
      return { ...event, inboundId: id('in', n), logId: siblingId('log', id('in', n)) };
    case 'DeployRecorded':
      return { ...event, inboundId: id('in', n), eventId: siblingId('evt', id('in', n)) };
    case 'EventPublished':
      return { ...event, eventId: id('evt', n) };
    case 'ProjectCreated':
      return { ...event, projectId: id('prj', n) };
    case 'IntegrationCreated':
      return { ...event, integrationId: id('int', n) };
    default:
      throw new Error(`${event.type} is no trigger`);
  }
}

test('show gives the body as JSON', async (t) => {
  const log = facts.logRecorded();
  const trigger = triggerOf(log);
  assert.ok(trigger);
  const { queries } = await after(t, log, facts.scheduled({ eventId: trigger.eventId }));
  const { payload } = await queries.show('deliveries', id('wh'));
  assert.deepEqual(payload, JSON.parse(webhookBody(trigger)));
});

test('the body stays what it was when the thing it tells of is changed', async (t) => {
  const created = facts.projectCreated();
  const trigger = triggerOf(created);
  assert.ok(trigger);
  const ids = { organizationId: id('org'), projectId: id('prj') };
  const { queries } = await after(
    t,
    created,
    { type: 'ProjectChanged', ...ids, atMs: facts.AT_MS, name: 'other' },
    facts.scheduled({ eventId: trigger.eventId }),
  );
  assert.equal(String((await queries.retryable(id('wh'))).body), webhookBody(trigger));
});
