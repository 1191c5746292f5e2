// What inbound webhooks become, whatever was posted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  LOG_LEVELS,
  type LogRecorded,
  MAX_BESIDE_BODY_BYTES,
  MAX_BODY_BYTES,
  MAX_SCRUB_GROWTH_BYTES,
} from '../../src/events.ts';
import { encode } from '../../src/log/codec.ts';
import { record } from '../../src/record/record.ts';
import { logTrigger, webhookBody } from '../../src/trigger.ts';
import { AT, example, logOf, NOW_MS, RECEIVED_AT_MS, received } from './inbound.ts';

test('a log has the ids of its inbound webhook, and its own made from it', () => {
  const { logId, inboundId, organizationId, projectId, integrationId, atMs, receivedAtMs } = record(
    received({ message: 'm' }),
    AT,
  ) as LogRecorded;
  assert.deepEqual(
    { logId, inboundId, organizationId, projectId, integrationId, atMs, receivedAtMs },
    {
      logId: 'log_01K9',
      inboundId: 'in_01K9',
      organizationId: 'org_1',
      projectId: 'prj_1',
      integrationId: 'int_1',
      atMs: NOW_MS,
      receivedAtMs: RECEIVED_AT_MS,
    },
  );
});

test('a deploy: version, environment, url, and the rest in extra', () => {
  assert.deepEqual(record(received(example('deploy'), 'DeployReceived'), AT), {
    type: 'DeployRecorded',
    inboundPartition: 2,
    inboundOffset: 11,
    eventId: 'evt_01K9',
    inboundId: 'in_01K9',
    organizationId: 'org_1',
    projectId: 'prj_1',
    integrationId: 'int_1',
    atMs: NOW_MS,
    receivedAtMs: RECEIVED_AT_MS,
    version: '2.14.0',
    environment: 'production',
    url: 'https://ci.example/builds/991',
    extra: '{"commit":"9f2c1ab","author":{"name":"Ada"}}',
  });
});

test('the url of a deploy is a web address, or it stays in extra', () => {
  const deploy = record(received({ version: '1', url: 'javascript:alert(1)' }, 'DeployReceived'), AT);
  assert.ok(deploy.type === 'DeployRecorded');
  assert.deepEqual([deploy.url, deploy.extra], [null, '{"url":"javascript:alert(1)"}']);
});

for (const [what, type, payload, reason] of [
  ['text that is not JSON', 'LogReceived', '{"message":', /^the payload is not JSON: /],
  ['nothing', 'LogReceived', '', /^the payload is not JSON: /],
  ['an array', 'LogReceived', '[1]', /^the payload is an array, not a JSON object$/],
  ['null', 'DeployReceived', 'null', /^the payload is null, not a JSON object$/],
  ['a number', 'LogReceived', '7', /^the payload is a number, not a JSON object$/],
  [
    'more than 1.25 MiB',
    'LogReceived',
    JSON.stringify({ a: 'x'.repeat(1_310_720) }),
    /more than 1310720 bytes/,
  ],
  ['a deploy without a version', 'DeployReceived', '{}', /^"version" must be a text that is not blank$/],
  ['a deploy with a blank version', 'DeployReceived', '{"version":" "}', /^"version" must be a text/],
  ['a deploy with a number as version', 'DeployReceived', '{"version":2}', /^"version" must be a text/],
] as const) {
  test(`${what} ends in error, with the reason`, () => {
    const event = record(received(payload, type), AT);
    assert.ok(event.type === 'InboundWebhookFailed');
    assert.deepEqual([event.inboundId, event.organizationId, event.atMs], ['in_01K9', 'org_1', NOW_MS]);
    assert.match(event.reason, reason);
  });
}

test('a bug that one payload uncovers ends that payload in error, and stops nothing', () => {
  const body = Buffer.from('{}');
  body.toString = () => {
    throw new RangeError('a bug of ours');
  };
  const event = record(received(body), AT);
  assert.ok(event.type === 'InboundWebhookFailed');
  assert.equal(event.reason, 'cannot be read: RangeError: a bug of ours');
});

test('a byte order mark before the JSON is passed over', () => {
  assert.equal(record(received('\ufeff{"message":"m"}'), AT).type, 'LogRecorded');
});

/** Names that extraction looks for, so that generated payloads have them now and then. */
const KNOWN =
  `message msg level severity error err exception stack stacktrace name type values value frames function
  filename lineno colno in_app env environment release version tags user timestamp time ts fingerprint metadata meta
  logentry formatted event_id platform sdk extra __proto__ constructor toString toJSON key`.split(/\s+/);

const { payload } = fc.letrec((tie) => ({
  payload: fc.dictionary(
    fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...KNOWN) }, fc.string({ unit: 'binary' })),
    tie('value'),
    { maxKeys: 12, noNullPrototype: true },
  ),
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.constantFrom(...KNOWN, 'error', '\ud800', '\u0000', 'x'.repeat(70_000), '{{ default }}', 1.7e9, 1e300),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 6 }),
    tie('payload'),
  ),
}));

test('any JSON object becomes a log whose every field is valid, and always the same one', () => {
  fc.assert(
    fc.property(payload, (object) => {
      const text = JSON.stringify(object);
      const log = record(received(text), AT);
      assert.ok(log.type === 'LogRecorded', JSON.stringify(log));
      assertValid(log);
      assert.deepEqual(record(received(text), AT), log);
    }),
    { numRuns: 300 },
  );
});

function assertValid(log: LogRecorded): void {
  assertText(log.message, 8_192);
  assert.ok(LOG_LEVELS.includes(log.level));
  assert.ok(Number.isSafeInteger(log.occurredAtMs));
  assert.match(log.fingerprint, /^[0-9a-f]{16}$/);
  if (log.stack !== null) assertText(log.stack, 65_536);
  for (const name of [log.errorType, log.environment, log.release]) if (name !== null) assertText(name, 256);
  assert.ok(Object.keys(log.tags).length <= 64);
  for (const [key, value] of Object.entries(log.tags)) {
    assertText(key, 64);
    assertText(value, 256);
  }
  assertJsonObject(log.extra);
  if (log.user !== null) assertJsonObject(log.user);
}

function assertText(text: string, maxLength: number): void {
  assert.ok(text.length > 0 && text.length <= maxLength, `${text.length} characters`);
  assert.ok(text.isWellFormed());
  assert.doesNotMatch(text, /[^\P{Cc}\t\n\r]/u);
}

function assertJsonObject(text: string): void {
  const object: unknown = JSON.parse(text);
  assert.ok(typeof object === 'object' && object !== null && !Array.isArray(object));
  assert.ok(text.length <= 262_144 && text.isWellFormed());
}

test('what becomes of the largest payload is no larger than the log has room for', () => {
  for (const limit of [MAX_BODY_BYTES / 4, MAX_BODY_BYTES]) {
    const numbers = `[${'1e20,'.repeat(50_000)}1]`;
    const rest = (used: number) => limit - used;
    const payloads = [
      `{"user":{"a":${numbers}},"a":"${'語'.repeat((rest(numbers.length) - 30) / 3)}"}`,
      `{"stack":"${'\\n'.repeat(65_536)}","a":"${'語'.repeat((rest(131_072) - 30) / 3)}"}`,
      `{"message":"${'\\"'.repeat((limit - 30) / 2)}"}`,
      `{"a":"${'\\\\'.repeat((limit - 30) / 2)}"}`,
    ];
    for (const payload of payloads) {
      assert.ok(Buffer.byteLength(payload) <= limit);
      const log = logOf(payload);
      // What is put in the place of secrets, at the most, comes on top of this payload's.
      const room = limit + MAX_BESIDE_BODY_BYTES - MAX_SCRUB_GROWTH_BYTES;
      assert.ok(encode(log).length < room, `${encode(log).length} of ${room}`);
      // The envelope of the webhook, and of the events that carry it, is less than this.
      assert.ok(Buffer.byteLength(webhookBody(logTrigger(log))) + 4_096 < room);
    }
  }
});

test('any bytes at all become a log or end in error', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(bytes, fc.constantFrom('LogReceived', 'DeployReceived'), (body, type) => {
      const event = record(received(Buffer.from(body), type), AT);
      if (event.type === 'LogRecorded') assertValid(event);
      else if (event.type !== 'DeployRecorded') assert.equal(event.type, 'InboundWebhookFailed');
    }),
    { numRuns: 300 },
  );
});
