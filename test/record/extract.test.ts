// What of a payload becomes which part of a log, format by format.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogLevel } from '../../src/events.ts';
import { example, extraOf, logOf, RECEIVED_AT_MS } from './inbound.ts';

// What a payload means must not depend on where we run.
process.env.TZ = 'Asia/Tokyo';

const HAPPENED_AT_MS = Date.UTC(2026, 10, 3, 9, 12, 44, 120);

test('a plain payload: message, error, environment, release, tags, user and time find their places', () => {
  const log = logOf(example('plain'));
  assert.equal(log.message, "Cannot read properties of undefined (reading 'total')");
  assert.equal(log.level, 'error');
  assert.equal(log.errorType, 'TypeError');
  assert.match(log.stack ?? '', /^TypeError: Cannot.*\n {4}at checkout \(file/);
  assert.equal(log.environment, 'production');
  assert.equal(log.release, 'shop@2.14.0');
  assert.equal(log.occurredAtMs, HAPPENED_AT_MS);
  assert.deepEqual(log.tags, { region: 'eu-central-1', checkout: 'true' });
  assert.equal(log.user, '{"id":"u_1842","plan":"team"}');
});

test('what found no place stays in extra, where it was, and nothing else does', () => {
  assert.deepEqual(extraOf(example('plain')), {
    error: { code: 'ERR_CART' },
    tags: { cart: { items: 3 } },
    requestId: '8f14e45f-ceea-467f-a8e0-2b1c3d4e5f60',
  });
});

test('a pino line: level number, msg, time, err', () => {
  const log = logOf(example('pino'));
  assert.equal(log.message, 'checkout failed');
  assert.equal(log.level, 'error');
  assert.equal(log.errorType, 'PaymentError');
  assert.match(log.stack ?? '', /at charge/);
  assert.equal(log.occurredAtMs, 1_793_697_164_120);
  assert.deepEqual(JSON.parse(log.extra), {
    pid: 4711,
    hostname: 'web-1',
    name: 'shop',
    err: { message: 'card declined', code: 'card_declined' },
    req: { method: 'POST', url: '/checkout?cart=17' },
  });
});

test('a winston line: stack, time and environment are found in its metadata, the type in the stack', () => {
  const log = logOf(example('winston'));
  assert.equal(log.message, 'database is gone');
  assert.equal(log.level, 'fatal');
  assert.equal(log.errorType, 'MongoServerSelectionError');
  assert.match(log.stack ?? '', /ECONNREFUSED/);
  assert.equal(log.occurredAtMs, HAPPENED_AT_MS);
  assert.equal(log.environment, 'staging');
  assert.deepEqual(JSON.parse(log.extra), { metadata: { service: 'billing' } });
});

test('winston: stack beside the message, level in colour', () => {
  const log = logOf({
    level: '\u001b[33mwarn\u001b[39m',
    message: 'slow',
    stack: 'Error: slow\n    at f (a.js:1:2)',
  });
  assert.deepEqual(
    [log.level, log.errorType, log.stack],
    ['warning', 'Error', 'Error: slow\n    at f (a.js:1:2)'],
  );
  assert.equal(log.extra, '{}');
});

test('a Sentry event: the exception that was thrown, its stack newest first, then its causes', () => {
  const log = logOf(example('sentry-python'));
  assert.equal(log.message, 'order 17 could not be saved');
  assert.equal(log.errorType, 'OrderError');
  assert.equal(
    log.stack,
    [
      'OrderError: order 17 could not be saved',
      '    at save (shop/orders.py:90:9)',
      '    at order (shop/views.py:31)',
      '    at inner (django/core/handlers/exception.py:55)',
      'Caused by: OperationalError: connection refused',
      '    at connect (psycopg2/__init__.py:122)',
    ].join('\n'),
  );
  assert.equal(log.level, 'error');
  assert.equal(log.environment, 'production');
  assert.equal(log.release, 'shop@2.14.0');
  assert.equal(log.occurredAtMs, HAPPENED_AT_MS);
  assert.deepEqual(log.tags, { browser: 'Firefox 144', handled: 'no' });
  assert.equal(log.user, '{"id":"1842","ip_address":"203.0.113.7"}');
});

test('a Sentry event: all that the text of the stack does not show stays in extra, and its own extra comes up', () => {
  const extra = extraOf(example('sentry-python'));
  const { exception, logentry, contexts, request, server_name, transaction } = example(
    'sentry-python',
  ) as Record<string, unknown>;
  assert.deepEqual(extra, {
    event_id: 'fc6d8c0c43fc4630ad850ee518f1b9d0',
    platform: 'python',
    logger: 'shop.orders',
    sdk: { name: 'sentry.python.django', version: '2.19.0' },
    cart: 17,
    exception,
    logentry,
    contexts,
    request,
    server_name,
    transaction,
  });
});

test('a Sentry event without an exception: its message, as text, formatted, or in the old form', () => {
  assert.equal(logOf(example('sentry-message')).message, 'cache is nearly full');
  assert.equal(logOf(example('sentry-message')).occurredAtMs, HAPPENED_AT_MS);
  assert.equal(logOf({ logentry: { message: 'user %s', formatted: 'user 7' } }).message, 'user 7');
  assert.equal(logOf({ logentry: { message: 'user %s', params: ['7'] } }).message, 'user %s');
  const old = { event_id: 'e', platform: 'php', message: { message: 'old %s', formatted: 'old one' } };
  assert.equal(logOf(old).message, 'old one');
  assert.equal(logOf({ event_id: 'e', platform: 'php', transaction: 'GET /' }).message, 'GET /');
});

test('any other JSON object becomes a log that says what is in it, and has it all in extra', () => {
  const log = logOf(example('uptime'));
  assert.equal(log.message, 'monitor: {id: 77, name: shop, checks: […]}, status: down, downtimeSeconds: 93');
  assert.deepEqual(JSON.parse(log.extra), example('uptime'));
  assert.equal(log.level, 'error');
  assert.equal(log.occurredAtMs, RECEIVED_AT_MS);
  assert.equal(logOf({}).message, 'empty payload');
  assert.equal(logOf({ title: 'Disk full' }).message, 'Disk full');
});

test('an error may be a text, and a text of several lines is its stack', () => {
  assert.equal(logOf({ error: 'ECONNRESET' }).message, 'ECONNRESET');
  assert.deepEqual(extraOf({ message: 'sync failed', error: 'ECONNRESET' }), { error: 'ECONNRESET' });
  const java = logOf({
    exception: 'java.lang.IllegalStateException: closed\n\tat shop.Pool.take(Pool.java:12)',
  });
  assert.deepEqual([java.message, java.errorType], ['closed', 'java.lang.IllegalStateException']);
  assert.match(java.stack ?? '', /Pool\.java:12/);
  const python = logOf({
    traceback: 'Traceback (most recent call last):\n  File "a.py", line 3, in f\nValueError: bad',
  });
  assert.deepEqual([python.message, python.errorType], ['bad', 'ValueError']);
});

test('name and type count as the type of an error only where they look like one', () => {
  assert.equal(logOf({ name: 'RangeError', message: 'm' }).errorType, 'RangeError');
  assert.equal(logOf({ name: 'shop', type: 'event', message: 'm' }).errorType, null);
  assert.equal(logOf({ error: { class: 'Shop::Declined', message: 'm' } }).errorType, 'Shop::Declined');
});

test('an error that says something else than the message is kept', () => {
  assert.deepEqual(extraOf({ message: 'a', error: { message: 'b' } }), { error: { message: 'b' } });
  assert.deepEqual(extraOf({ message: 'a', error: { message: 'a' } }), {});
});

for (const [level, names] of Object.entries({
  trace: ['trace', 'silly', 10, 15],
  debug: ['debug', 'verbose', 7, 20],
  info: ['INFO', 'notice', 'http', 5, 6, 30],
  warning: ['warn', 'Warning', 4, 40, '40'],
  error: ['error', 'err', 3, 50, 'gremlin', 8, -1, 1_000, null, {}, undefined],
  fatal: ['fatal', 'critical', 'crit', 'alert', 'emerg', 'panic', 0, 1, 2, 60],
} satisfies Record<LogLevel, unknown[]>)) {
  test(`${level} is what loggers call ${names.map((name) => JSON.stringify(name)).join(', ')}`, () => {
    assert.deepEqual(
      names.map((name) => logOf({ message: 'm', level: name }).level),
      names.map(() => level),
    );
  });
}

test('a level that nobody knows is not lost', () => {
  assert.deepEqual(extraOf({ message: 'm', level: 'gremlin' }), { level: 'gremlin' });
});

test('a time is ISO 8601, seconds or milliseconds, under any of its names', () => {
  const seconds = HAPPENED_AT_MS / 1_000;
  for (const time of [
    { timestamp: '2026-11-03T09:12:44.120Z' },
    { time: '2026-11-03T10:12:44.120+01:00' },
    { '@timestamp': '2026-11-03T14:42:44.120000+0530' },
    { occurredAt: '2026-11-03 09:12:44,120' },
    { ts: seconds },
    { ts: String(seconds) },
    { time: HAPPENED_AT_MS },
    { timestamp: String(HAPPENED_AT_MS) },
  ]) {
    assert.equal(logOf({ message: 'm', ...time }).occurredAtMs, HAPPENED_AT_MS, JSON.stringify(time));
    assert.deepEqual(extraOf({ message: 'm', ...time }), {});
  }
});

test('a time that cannot be right is the time of receipt, and is not lost', () => {
  const day = 24 * 60 * 60 * 1_000;
  const future = RECEIVED_AT_MS + day + 1;
  for (const time of [
    'yesterday',
    'May 5',
    '2026-13-01',
    42,
    -1,
    1e300,
    '',
    true,
    {},
    '1989-12-31T23:59:59Z',
    future,
  ]) {
    assert.equal(logOf({ message: 'm', time }).occurredAtMs, RECEIVED_AT_MS, JSON.stringify(time));
    assert.deepEqual(extraOf({ message: 'm', time }), { time });
  }
  assert.equal(logOf({ message: 'm', time: future - 1 }).occurredAtMs, future - 1);
  assert.equal(logOf({ message: 'm', time: '1990-01-01' }).occurredAtMs, Date.UTC(1990, 0, 1));
});

test('tags are an object, or a list of pairs or texts', () => {
  const tags = { browser: 'Firefox', slow: 'true' };
  for (const form of [
    { browser: 'Firefox', slow: true },
    [
      ['browser', 'Firefox'],
      ['slow', 'true'],
    ],
    [
      { key: 'browser', value: 'Firefox' },
      { key: 'slow', value: true },
    ],
    ['browser:Firefox', 'slow'],
    ['browser=Firefox', 'slow'],
  ]) {
    assert.deepEqual(logOf({ message: 'm', tags: form }).tags, tags);
    assert.deepEqual(extraOf({ message: 'm', tags: form }), {});
  }
});

test('what cannot be a tag is left in extra: objects, second values, more than there may be', () => {
  assert.deepEqual(extraOf({ tags: [['a', 1], ['a', 2], [3], null] }), { tags: [['a', 2], [3], null] });
  const many = Object.fromEntries(Array.from({ length: 66 }, (_, i) => [`k${i}`, i]));
  assert.equal(Object.keys(logOf({ tags: many }).tags).length, 64);
  assert.deepEqual(extraOf({ tags: many }), { tags: { k64: 64, k65: 65 } });
});

test('a user that is only named gets an id', () => {
  assert.equal(logOf({ message: 'm', user: 'ada' }).user, '{"id":"ada"}');
  assert.equal(logOf({ message: 'm', user: ['ada'] }).user, null);
});

test('extra of the payload comes up unless it would hide something', () => {
  assert.deepEqual(extraOf({ message: 'm', a: 1, extra: { b: 2 } }), { a: 1, b: 2 });
  assert.deepEqual(extraOf({ message: 'm', a: 1, extra: { a: 2 } }), { a: 1, extra: { a: 2 } });
  assert.deepEqual(extraOf({ message: 'm', extra: 'text' }), { extra: 'text' });
});

test('what is too long is cut before a whole character, and ends in …', () => {
  const { message } = logOf({ message: `${'a'.repeat(8_190)}😀b` });
  assert.equal(message, `${'a'.repeat(8_190)}…`);
  assert.equal(logOf({ message: 'a'.repeat(8_192) }).message, 'a'.repeat(8_192));
  assert.equal(logOf({ message: 'm', stack: 'x'.repeat(70_000) }).stack?.length, 65_536);
  assert.equal(logOf({ message: 'm', env: 'x'.repeat(300) }).environment?.length, 256);
  assert.equal(Object.keys(logOf({ tags: { ['k'.repeat(99)]: 1 } }).tags)[0]?.length, 64);
});

test('text is valid Unicode without control characters, save tabs and line ends', () => {
  assert.equal(
    logOf({ message: 'a\u0000b\u001b[31mred\u001b[0m\u009b\tc\nd\ud800' }).message,
    'abred\tc\nd\ufffd',
  );
  assert.equal(logOf({ message: ' \u0000 ', msg: 'second' }).message, 'second');
  assert.equal(logOf({ message: 'm', '\udc00k': ['\ud83d'] }).extra, '{"\ufffdk":["\ufffd"]}');
});

test('keys with a meaning for JavaScript are keys as any other', () => {
  const log = logOf(
    '{"__proto__":{"message":"x"},"constructor":1,"tags":{"__proto__":"a","constructor":"b"},"message":"m"}',
  );
  assert.deepEqual(log.tags, { constructor: 'b' });
  assert.equal(log.message, 'm');
  assert.equal(log.extra, '{"__proto__":{"message":"x"},"constructor":1,"tags":{"__proto__":"a"}}');
});

test('a payload as deep as 256 KiB allow becomes a log, and what lies too deep is marked', () => {
  const log = logOf(`{"message":"deep","a":${'['.repeat(130_000)}${']'.repeat(130_000)}}`);
  assert.equal(log.message, 'deep');
  assert.equal(log.extra, `{"a":${'['.repeat(63)}"…"${']'.repeat(63)}}`);
  assert.equal(logOf(`{"a":${'{"b":'.repeat(40_000)}1${'}'.repeat(40_000)}}`).message, 'a: {b: {…}}');
});

test('extra stays bounded where numbers grow by being written again', () => {
  const { extra } = logOf(`{"message":"m","a":[${'1e20,'.repeat(50_000)}1]}`);
  assert.ok(extra.length <= 256 * 1024, `${extra.length}`);
  assert.match(JSON.parse(extra).truncated, /^\{"a":\[1000000.*…$/);
});

test('a number that a double cannot hold is kept as the text it was sent as, every other one as a number', () => {
  const extraText = (number: string) => {
    return logOf(`{"message":"m","n":${number},"deep":[{"id":${number}}]}`).extra;
  };
  for (const kept of [
    ...['12345678901234567890', '9007199254740993', '-9007199254740993', '1e400', '-1e400', '1e-400'],
    ...['0.12345678901234567890', '3.14159265358979323846264338327950288'],
  ]) {
    assert.equal(extraText(kept), `{"n":"${kept}","deep":[{"id":"${kept}"}]}`);
  }
  for (const [number, written = number] of [
    ...[
      ['0'],
      ['-1'],
      ['9007199254740992'],
      ['1000000000000000000000', '1e+21'],
      ['1.50', '1.5'],
      ['1e3', '1000'],
    ],
    ...[
      ['0.30000000000000004'],
      ['0e400', '0'],
      ['0.1000000000000000000000', '0.1'],
      ['1.7976931348623157e308', '1.7976931348623157e+308'],
    ],
  ]) {
    assert.equal(extraText(number ?? ''), `{"n":${written},"deep":[{"id":${written}}]}`);
  }
});

test('ids with more digits than a double has find their places as they are', () => {
  const log = logOf('{"message":"m","user":{"id":175928847299117063},"tags":{"guild":175928847299117063}}');
  assert.equal(log.user, '{"id":"175928847299117063"}');
  assert.deepEqual(log.tags, { guild: '175928847299117063' });
});
