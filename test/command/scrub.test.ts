import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { InvalidInput } from '../../src/command/input.ts';
import { createScrubber } from '../../src/command/scrub.ts';
import { MAX_BODY_BYTES, MAX_STORED_BODY_BYTES } from '../../src/events.ts';
import { DEFAULT_SCRUB_RULES, parseScrubRules, type ScrubRules } from '../../src/scrub-rules.ts';
import { TOKEN_PREFIXES } from '../../src/secrets.ts';

const { json, body } = createScrubber(DEFAULT_SCRUB_RULES);
const F = '"[Filtered]"';

/** What becomes of the value of a field with an innocent name. */
function scrubbed(value: unknown): unknown {
  return JSON.parse(json(JSON.stringify({ note: value }))).note;
}

test('what stands under the name of a secret is filtered, however the name is written', () => {
  const names = [
    ...[
      'password',
      'PASSWORD',
      'Password',
      'user_password',
      'dbpassword',
      'password_confirmation',
      'passwordHash',
    ],
    ...[
      'passwd',
      'pwd',
      'secret',
      'client-secret',
      'clientSecret',
      'token',
      'TOKEN',
      'accessToken',
      'access_token',
    ],
    ...[
      'x-csrf-token',
      'token2',
      'api_key',
      'apiKey',
      'APIKey',
      'X-Api-Key',
      'apikey',
      'Authorization',
      'auth',
    ],
    ...['proxy-authorization', 'cookie', 'Set-Cookie', 'cookies', 'private_key', 'privateKey', 'credit_card'],
    ...['card-number', 'CardNumber', 'cvv', 'cvv2', 'cvc', 'jwt', 'ssn', 'otp', 'user[password]', 'token[]'],
  ];
  for (const name of names) {
    const key = JSON.stringify(name);
    assert.equal(json(`{${key}:"hush"}`), `{${key}:${F}}`, name);
  }
});

test('short names are words, so that what only sounds like one stays', () => {
  const names = [
    'max_tokens',
    'tokens',
    'tokenizer',
    'author',
    'oauthor',
    'lessnoise',
    'potpourri',
    'message',
    'key',
    'a',
  ];
  for (const name of names) {
    const text = JSON.stringify({ [name]: 'shown' });
    assert.equal(json(text), text, name);
  }
});

test('whatever a secret is, it goes whole; null, true and false tell nothing', () => {
  const values: [string, string][] = [
    ['"a \\" b \\\\"', F],
    ['""', F],
    ['-1.5e400', F],
    ['{"a":[1,"}",{"b":"]"}]}', F],
    ['[ [] , "x" ]', F],
    ['null', 'null'],
    ['true', 'true'],
    ['false', 'false'],
  ];
  for (const [value, left] of values) {
    assert.equal(json(`{"a":1, "token" :\n${value} , "b":[2]}`), `{"a":1, "token" :\n${left} , "b":[2]}`);
  }
});

test('all the rest stays as it came, to the letter', () => {
  const text = `{ "n" : 12345678901234567890, "n":1e400,"__proto__":{"a":0.10},
    "constructor" : "\\u00e9\\/", "token":"x", "é":"\\ud800", "z":1, "a":-0 }`;
  assert.equal(json(text), text.replace('"x"', F));
});

test('a name or a text that is written with escapes hides nothing', () => {
  assert.equal(json('{"pass\\u0077ord":"x"}'), `{"pass\\u0077ord":${F}}`);
  assert.equal(json('{"\\u0074oken":"x"}'), `{"\\u0074oken":${F}}`);
  assert.equal(json('{"a":"\\u0034242424242424242"}'), `{"a":${F}}`);
  assert.equal(json('{"a":"https:\\/\\/me:hush@host\\/"}'), '{"a":"https://me:[Filtered]@host/"}');
  assert.equal(json('{"a":"t\\u006fken=x"}'), '{"a":"token=[Filtered]"}');
});

test('of two fields of the same name none is forgotten', () => {
  assert.equal(
    json('{"a":{"token":"x"},"a":1,"token":"y","token":"z"}'),
    `{"a":{"token":${F}},"a":1,"token":${F},"token":${F}}`,
  );
});

test('pairs of name and value are fields as well', () => {
  assert.deepEqual(
    scrubbed([
      ['Cookie', 'a=b'],
      ['accept', '*'],
    ]),
    [
      ['Cookie', '[Filtered]'],
      ['accept', '*'],
    ],
  );
  assert.deepEqual(scrubbed([{ value: { a: 1 }, name: 'Authorization' }]), [
    { value: '[Filtered]', name: 'Authorization' },
  ]);
  assert.deepEqual(scrubbed({ Key: 'password', Value: 'x' }), { Key: 'password', Value: '[Filtered]' });
});

test('of a pair the whole value goes, also where a part of it is a secret by itself', () => {
  const whole = { name: 'Cookie', value: '[Filtered]' };
  for (const value of ['theme=dark; token=x', '4242424242424242', { a: 1, token: 'x', note: 'password=y' }]) {
    assert.deepEqual(scrubbed({ name: 'Cookie', value }), whole);
    assert.deepEqual(scrubbed([['Cookie', value]]), [['Cookie', '[Filtered]']]);
  }
});

test('a list of names is no pair, nor is a list of three', () => {
  for (const value of [
    ['password', 'email'],
    [['password', 'email', 'name']],
    { name: 'token', kind: 'x' },
  ]) {
    assert.deepEqual(scrubbed(value), value);
  }
});

test('secrets within texts are filtered, and the text around them stays', () => {
  const texts: [string, string][] = [
    ['GET /reset?token=abc&page=2', 'GET /reset?token=[Filtered]&page=2'],
    ['user%5Bpassword%5D=a%20b&x=1', 'user%5Bpassword%5D=[Filtered]&x=1'],
    ['login failed: password=hunter2 (3 tries)', 'login failed: password=[Filtered] (3 tries)'],
    ['Server=db;Password="a b";Pooling=true', 'Server=db;Password=[Filtered];Pooling=true'],
    ["{'user': 'me', 'password': 'hunter2'}", "{'user': 'me', 'password': '[Filtered]'}"],
    ['{"user":"me","password":"hunt', '{"user":"me","password":"[Filtered]"'],
    ['postgres://app:hunter2@db:5432/app', 'postgres://app:[Filtered]@db:5432/app'],
    ['sent Authorization: Bearer eyJhbGciOi.J9 to host', 'sent Authorization: Bearer [Filtered] to host'],
    ['basic YWRtaW46YQ==', 'basic [Filtered]'],
    ...TOKEN_PREFIXES.map((prefix): [string, string] => [
      `used ${prefix}_${'a'.repeat(32)}.`,
      'used [Filtered].',
    ]),
    ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD is it', '[Filtered] is it'],
  ];
  for (const [text, left] of texts) assert.equal(scrubbed(text), left);
});

test('texts that only sound like it stay', () => {
  const texts = [
    'Unexpected token: "<" in JSON',
    'Invalid password',
    'a basic authentication course',
    'SELECT a FROM b WHERE c=1',
    'at fn (file:///srv/node_modules/@scope/x.js:1:2)',
    'mail me@host',
    'a_ints_b',
  ];
  for (const text of texts) assert.equal(scrubbed(text), text);
});

test('JSON within a text is gone through as well, as deep as it goes', () => {
  let text = '{"password":"hush","n":12345678901234567890}';
  for (let level = 0; level < 6; level++) text = JSON.stringify({ body: text });
  let left = JSON.parse(json(text));
  for (let level = 0; level < 5; level++) left = JSON.parse(left.body);
  assert.equal(left.body, `{"password":${F},"n":12345678901234567890}`);
  // Nothing else in it looks like a secret.
  for (const within of ['[["Cookie","abc"]]', ' \n[["Cookie","abc"]]', '\t[["Cookie","abc"]]'])
    assert.equal(JSON.parse(json(JSON.stringify([within])))[0], within.replace('"abc"', F));
});

test('card numbers are filtered, as numbers and in texts, with what separates their digits', () => {
  // Test numbers that the issuers give out: Visa of 13, 16 and 19 digits, Mastercard, American Express, Diners, JCB, …
  const cards = [
    ...['4222222222222', '4242424242424242', '4000000000000000006', '5555555555554444', '2223003122003222'],
    ...['378282246310005', '30569309025904', '3566002020360505', '6011111111111117', '6200000000000005'],
  ];
  for (const card of cards) {
    assert.equal(scrubbed(card), '[Filtered]', card);
    assert.equal(scrubbed(`card ${card}, declined`), 'card [Filtered], declined');
    assert.equal(json(`{"n":${card}}`), `{"n":${F}}`);
  }
  assert.equal(scrubbed('4242 4242 4242 4242 12/29'), '[Filtered] 12/29');
  assert.equal(scrubbed('3782-822463-10005'), '[Filtered]');
  assert.equal(scrubbed('1 4242424242424242 5555555555554444'), '1 [Filtered] [Filtered]');
});

test('other numbers stay: with a wrong check digit, too short, too long, of no issuer, or a part of one', () => {
  const texts = [
    '4242424242424241',
    '424242424242',
    '42424242424242424242',
    '1700000000000000',
    '0.4242424242424242',
    '2024-01-15 10:30:00',
    '9007199254740993',
  ];
  for (const text of texts) assert.equal(scrubbed(text), text);
  assert.equal(json('{"n":4242424242424241.5}'), '{"n":4242424242424241.5}');
});

test('names that are configured are filtered, and defaults that were taken out are not', () => {
  const of = (text: string) => createScrubber(parseScrubRules(text) as ScrubRules).json;
  const text = '{"internal_id":"a","token":"b","card":"4242424242424242","password":"c"}';
  assert.equal(
    of('internalId,-token,-cardnumber')(text),
    `{"internal_id":${F},"token":"b","card":"4242424242424242","password":${F}}`,
  );
  assert.equal(of('none,internal-id')(text), text.replace('"a"', F));
  assert.equal(
    of('none')('{"a":"Bearer abc12345","password":"c"}'),
    '{"a":"Bearer abc12345","password":"c"}',
  );
});

test('bytes in which there is no secret are the bytes that came', () => {
  const payloads = join(import.meta.dirname, '../record/payloads');
  for (const name of readdirSync(payloads)) {
    const bytes = readFileSync(join(payloads, name));
    assert.equal(body({ bytes, text: bytes.toString('utf8') }), bytes, name);
  }
});

test('any JSON stays JSON of the same shape, and scrubbed again it stays the same', () => {
  const key = fc.oneof(
    fc.string(),
    fc.constantFrom('password', 'name', 'value', 'token', '__proto__', 'a"\\b'),
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      fc.jsonValue(),
      tie('list'),
      tie('object'),
      fc.constantFrom('a=b', 'token', '4242424242424242', 'Bearer a1b2c3d4e5', '{"token":1}', '"', '\\'),
    ),
    list: fc.array(tie('any'), { maxLength: 4 }),
    object: fc.dictionary(key, tie('any'), { maxKeys: 4 }),
  })).any;
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 2), (given, spaces) => {
      const text = JSON.stringify(given, null, spaces);
      const once = json(text);
      assert.equal(json(once), once);
      assertAlike(JSON.parse(once), JSON.parse(text));
    }),
  );
});

/** Whether `left` is `given` with some values filtered. */
function assertAlike(left: unknown, given: unknown): void {
  if (typeof left === 'string' && left.includes('[Filtered]')) return;
  if (typeof given !== 'object' || given === null) {
    assert.deepEqual(left, given);
    return;
  }
  assert.ok(typeof left === 'object' && left !== null);
  assert.deepEqual(Object.keys(left), Object.keys(given));
  for (const [key, value] of Object.entries(given))
    assertAlike(Object.entries(left).find(([name]) => name === key)?.[1], value);
}

test('the text under the name of a secret is in no payload any more, wherever the name stands', () => {
  const secret = 'Zq7-hush';
  const place = fc.letrec((tie) => ({
    any: fc.oneof({ depthSize: 'small' }, tie('field'), tie('pair'), tie('list'), tie('object'), tie('text')),
    field: fc.constant({ a: 1, password: { deep: [secret] }, b: 2 }),
    pair: fc.constant([
      ['x', 1],
      ['Cookie', secret],
    ]),
    list: tie('any').map((inner) => [1, inner, 'x']),
    object: tie('any').map((inner) => ({ a: null, inner, z: [] })),
    text: tie('any').map((inner) => JSON.stringify({ inner })),
  })).any;
  fc.assert(fc.property(place, (given) => assert.ok(!json(JSON.stringify(given)).includes(secret))));
});

test('what is stored is never larger than the recorder takes: with too many secrets it is refused', () => {
  const densest = [
    ['{', '"ssn":1', ',', '}'],
    ['{"a":"', 'ssn=1', '&', '"}'],
    ['{"a":[', '["ssn",1]', ',', ']}'],
    ['{"a":"', '://:a@', ' ', '"}'],
  ] as const;
  for (const [start, part, between, end] of densest) {
    const times = Math.floor((MAX_BODY_BYTES - start.length - end.length) / (part.length + between.length));
    const text = start + Array.from({ length: times }, () => part).join(between) + end;
    const bytes = Buffer.from(text);
    assert.throws(() => body({ bytes, text }), InvalidInput, part);
    const few = start + Array.from({ length: 10_000 }, () => part).join(between) + end;
    const left = body({ bytes: Buffer.from(few), text: few });
    assert.ok(left.length > few.length && left.length <= MAX_STORED_BODY_BYTES, part);
  }
});
