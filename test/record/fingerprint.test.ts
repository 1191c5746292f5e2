// Which errors are equal.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extractLog } from '../../src/record/extract.ts';
import { fingerprint } from '../../src/record/fingerprint.ts';
import { example, logOf, RECEIVED_AT_MS } from './inbound.ts';

function assertEqual(...payloads: unknown[]): void {
  const prints = payloads.map((payload) => logOf(payload).fingerprint);
  assert.equal(new Set(prints).size, 1, `${prints} of ${JSON.stringify(payloads)}`);
}

function assertDistinct(...payloads: unknown[]): void {
  const prints = payloads.map((payload) => logOf(payload).fingerprint);
  assert.equal(new Set(prints).size, payloads.length, `${prints} of ${JSON.stringify(payloads)}`);
}

const withStack = (...lines: string[]) => ({
  stack: ['TypeError: x', ...lines.map((line) => `    at ${line}`)].join('\n'),
});

test('a fingerprint is 16 hexadecimal characters, and stays what it is from release to release', () => {
  assert.match(logOf({}).fingerprint, /^[0-9a-f]{16}$/);
  assert.equal(logOf({ message: 'order 17 failed' }).fingerprint, 'd0669356e12ace3d');
  assert.equal(logOf(example('plain')).fingerprint, '1b0c485d85fffa43');
});

test('messages are equal but for numbers, ids, addresses and what is quoted', () => {
  assertEqual(
    { message: 'order 17 failed' },
    { message: 'order 123456789 failed' },
    { message: 'order 1,024.5 failed' },
  );
  assertEqual(
    { message: 'user 8f14e45f-ceea-467f-a8e0-2b1c3d4e5f60 is gone' },
    { message: 'user cus_9s6XKzkNRiz8i3 is gone' },
    { message: 'user 0xdeadbeef is gone' },
    { message: 'user ada@example.com is gone' },
    { message: 'user "Ada Lovelace" is gone' },
    { message: "user 'ada' is gone" },
  );
  assertEqual({ message: 'GET https://a.example/x?y=1 failed' }, { message: 'GET http://b.example/ failed' });
  assertEqual({ message: 'cannot open /users/1/orders' }, { message: 'cannot open /users/99/orders' });
  assertEqual({ message: 'at 10.0.0.1:5432' }, { message: 'at 192.168.7.20:5432' });
});

test('another message or another type is another error', () => {
  assertDistinct(
    { message: 'order failed' },
    { message: 'refund failed' },
    { message: 'order failed', error: { name: 'TypeError' } },
    { message: 'order failed', error: { name: 'RangeError' } },
    { message: "can't find it, isn't there" },
    { message: "can't see it, isn't there" },
  );
});

test('with a stack, errors of a type from the same functions are equal, at whatever line, host or build', () => {
  assertEqual(
    withStack('pay (/srv/shop/src/pay.js:12:7)', 'handle (/srv/shop/src/server.js:40:1)'),
    withStack('pay (/srv/shop/src/pay.js:19:2)', 'async handle (/srv/shop/src/server.js:44:3)'),
    withStack(
      'pay (file:///home/ada/shop/src/pay.js?v=3:12:7)',
      'Object.handle (C:\\shop\\src\\server.js:1:1)',
    ),
    withStack(
      'pay (/srv/shop/src/pay.js:12:7)',
      'handle (/srv/shop/src/server.js:40:1)',
      'run (node:internal/a:1:1)',
    ),
    { message: 'another message', ...withStack('pay (src/pay.js:1:1)', 'handle (src/server.js:1:1)') },
  );
  assertEqual(
    withStack('a (https://cdn.example/js/main.3f2a9c1b.js:1:2)'),
    withStack('a (js/main.77aa01ff.js:1:900)'),
  );
  assertEqual(
    withStack('a (/app/releases/20260101/app.js:1:2)'),
    withStack('a (/app/releases/20260202/app.js:1:2)'),
  );
});

test('another function, file or type is another error, though the message is the same', () => {
  const stack = (type: string, line: string) => ({ message: 'm', stack: `${type}: m\n    at ${line}` });
  assertDistinct(
    stack('TypeError', 'pay (src/pay.js:1:1)'),
    stack('RangeError', 'pay (src/pay.js:1:1)'),
    stack('TypeError', 'refund (src/pay.js:1:1)'),
    stack('TypeError', 'pay (src/refund.js:1:1)'),
  );
});

test('frames of libraries and the runtime count only where there are no others', () => {
  const library = (name: string) => `${name} (/srv/node_modules/lib/x.js:1:1)`;
  assertEqual(
    withStack(library('a'), 'pay (src/pay.js:1:1)'),
    withStack('pay (src/pay.js:1:1)', library('b')),
  );
  assertDistinct(withStack(library('a')), withStack(library('b')));
});

test('stacks of every language group by their newest frames', () => {
  const frames: Record<string, (name: string, line: number) => string> = {
    Firefox: (name, line) =>
      `${name}@https://shop.example/src/pay.js:${line}:7\nhandle@https://shop.example/src/app.js:1:1`,
    Java: (name, line) => `java.lang.IllegalStateException: x\n\tat shop.Pay.${name}(Pay.java:${line})`,
    '.NET': (name, line) =>
      `System.Exception: x\n   at Shop.Pay.${name}(Int32 id) in C:\\shop\\Pay.cs:line ${line}`,
    Python: (name, line) =>
      `Traceback (most recent call last):\n  File "/srv/app.py", line 3, in main\n  File "/srv/pay.py", line ${line}, in ${name}\nValueError: x`,
    Ruby: (name, line) => `/srv/shop/pay.rb:${line}:in '${name}'\n\tfrom /srv/shop/app.rb:1:in 'main'`,
    PHP: (name, line) => `#0 /srv/shop/pay.php(${line}): ${name}(17)\n#1 {main}`,
  };
  for (const stackOf of Object.values(frames)) {
    assertEqual({ message: 'm', stack: stackOf('pay', 12) }, { message: 'n', stack: stackOf('pay', 99) });
    assertDistinct(
      { message: 'm', stack: stackOf('pay', 12) },
      { message: 'm', stack: stackOf('refund', 12) },
    );
  }
});

test('of a long stack the newest frames count, wherever its language prints them', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const js = (caller: string) => withStack(...[...names, caller].map((name) => `${name} (src/pay.js:1:1)`));
  const python = (caller: string) => ({
    stack: [
      'Traceback (most recent call last):',
      ...[caller, ...names].map((name) => `  File "/srv/pay.py", line 1, in ${name}`),
      'ValueError: x',
    ].join('\n'),
  });
  assertEqual(js('checkout'), js('refund'));
  assertEqual(python('checkout'), python('refund'));
});

test('Sentry events group by the frames that are in_app', () => {
  const event = (name: string, line: number, library: string) => ({
    exception: {
      values: [
        {
          type: 'E',
          value: `m${line}`,
          stacktrace: {
            frames: [
              { function: name, filename: 'shop/pay.py', lineno: line, in_app: true },
              { function: library, filename: 'shop/copied.py', lineno: 1, in_app: false },
            ],
          },
        },
      ],
    },
  });
  assertEqual(event('pay', 1, 'a'), event('pay', 2, 'b'));
  assertDistinct(event('pay', 1, 'a'), event('refund', 1, 'a'));
});

test('the grouping that the sender wants wins', () => {
  assertEqual({ message: 'a', fingerprint: ['pay'] }, { message: 'b', fingerprint: 'pay' });
  assertDistinct(
    { message: 'a', fingerprint: ['pay', 'eu'] },
    { message: 'a', fingerprint: ['pay', 'us'] },
    { message: 'a', fingerprint: 'payeu' },
    { message: 'a' },
  );
  assertEqual({ message: 'a' }, { message: 'a', fingerprint: [] }, { message: 'a', fingerprint: {} });
});

test('{{ default }} stands for the grouping that would have been', () => {
  const split = (message: string, part: string) => ({ message, fingerprint: ['{{ default }}', part] });
  assertEqual({ message: 'a' }, { message: 'a', fingerprint: ['{{default}}'] });
  assertEqual(split('order 1', 'eu'), split('order 2', 'eu'));
  assertDistinct(split('order', 'eu'), split('order', 'us'), split('refund', 'eu'), { message: 'order' });
});

test('equal errors of two projects are two', () => {
  const log = extractLog(Buffer.from('{"message":"m"}'), RECEIVED_AT_MS);
  assert.notEqual(fingerprint('prj_1', log), fingerprint('prj_2', log));
});

test('a stack has the same fingerprint each time it comes, whatever has come between', () => {
  const stacks = Array.from({ length: 800 }, (_, i) => withStack(`f${'x'.repeat(i)} (src/a.ts:1:2)`));
  const first = stacks.map((payload) => logOf(payload).fingerprint);
  assert.equal(new Set(first).size, stacks.length);
  assert.deepEqual(
    [...stacks, ...stacks.slice(0, 10)].map((payload) => logOf(payload).fingerprint),
    [...first, ...first.slice(0, 10)],
  );
});
