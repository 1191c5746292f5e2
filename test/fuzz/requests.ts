// A request made up by chance: one that a route takes, of which some parts have been replaced by others. Everything
// about it follows from its number, its seed, and what answers have told before.

import { deflateSync, gzipSync } from 'node:zlib';
import type { Random } from '../simulation/random.ts';
import { collectionOf, type Make, ROUTES, type Route, STANDING, type World } from './grammar.ts';

export interface Sent {
  /** The method and URL of the route that it was made for. */
  route: string;
  method: string;
  path: string;
  query: string;
  headers: [name: string, value: string][];
  body: Buffer | undefined;
}

/** What stands for a value that is put into the JSON as text. */
const HOLE = '\u{e000}';

const ENTRIES = Object.entries(ROUTES);
const WEIGHTS = ENTRIES.map(([, { weight = 4 }]) => weight);
const TOTAL = WEIGHTS.reduce((sum, weight) => sum + weight, 0);

function pickRoute(random: Random): [string, Route] {
  let left = random.fraction() * TOTAL;
  for (const [i, found] of ENTRIES.entries()) {
    left -= WEIGHTS[i] ?? 0;
    if (left < 0) return found;
  }
  return pickRoute(random);
}

/** Text that is likely to be mistaken for something else. */
const NASTY = [
  ...[
    '',
    ' ',
    '0',
    '-1',
    '1e9',
    '5s',
    '99999999999d',
    '0.0001ms',
    'null',
    'true',
    '*',
    '**',
    'a*b',
    '%',
    '_',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '\u0000',
    '\ud800',
    '\u202e',
    '🦑'.repeat(30),
  ],
  ...["'; drop table logs --", '" OR 1=1', '..', '../../etc/passwd', '{{7*7}}', '<script>', '\r\nx: y'],
  ...[
    '5xx',
    '500',
    'log.*',
    'active',
    'error',
    '2026-01-31T12:00:00Z',
    '9999-99-99',
    '0000-01-01',
    '2026-02-30',
  ],
  ...['wh_01J00000000000000000000000', 'org_01J00000000000000000000000', 'org_', 'default', 'org_ZZZ'],
  ...[
    'https://a.example/',
    'http://[::1]:1/',
    '//a',
    'javascript:1',
    'http://169.254.169.254/',
    '3/6s',
    '0/0s',
  ],
  ...['x'.repeat(1_300), 'e'.repeat(101), '9'.repeat(400), '1'.padEnd(40, '0')],
];

/** JSON that a field is not likely to take. */
const WRONG_JSON = [
  ...['null', 'true', '0', '-0', '-1', '1.5', '1e400', '-1e-400', '9007199254740993', '1'.repeat(400)],
  ...['""', '[]', '{}', '[[]]', '[null]', '{"a":null}', '"\\ud800"', '"\\u0000"', '"\\u202e"'],
  ...['{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}', '{"toString":1}'],
  ...['{"$gt":""}', '{"$where":"1"}', '["a","a","a"]', `[${'0,'.repeat(2_000)}0]`],
];

const WHOLE_BODIES = [
  ...[
    '',
    ' ',
    '{',
    '}',
    '[]',
    'null',
    'true',
    '1',
    '"text"',
    '{"a":1,}',
    "{'a':1}",
    '{a:1}',
    'NaN',
    '{"a":NaN}',
  ],
  ...[
    '\ufeff{}',
    '{}{}',
    '{} x',
    '//\n{}',
    '{"a":1,"a":2}',
    '{"a":"\u0001"}',
    '[1,2',
    '\n\n{}\n',
    '<xml/>',
    'a=1&b=2',
  ],
];
const BAD_BYTES = [
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.alloc(64),
  Buffer.from('{}', 'utf16le'),
];

const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND'];
const TYPES = [
  ...[
    '',
    'text/plain',
    'application/x-ndjson',
    'application/json; charset=utf-16',
    'application/vnd.api+json',
  ],
  ...[
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
    'APPLICATION/JSON ; x="',
    'json',
    '*/*',
  ],
];
const OTHER_HEADERS: [string, readonly string[]][] = [
  ['x-request-id', ['a b', 'x'.repeat(200), '"', 'abc-1']],
  ['idempotency-key', ['one', 'two', '', 'x'.repeat(255), 'x'.repeat(256), 'a b']],
  ['origin', ['https://evil.example', 'null', 'https://app.example']],
  ['accept', ['text/html', 'application/xml;q=0', '*/*;q=2', '']],
  ['accept-encoding', ['gzip', 'br;q=1.0, *;q=0', 'identity;q=0', 'nonsense']],
  ['x-forwarded-for', ['127.0.0.1', '1.2.3.4, 5.6.7.8', "'"]],
  ['x-http-method-override', ['DELETE']],
  ['if-none-match', ['*', '"x"']],
  ['if-modified-since', ['yesterday']],
  ['range', ['bytes=0-0', 'bytes=9-1', 'lines=1']],
  ['cookie', ['a=b; __proto__=c']],
  ['accept-version', ['1.x', '']],
  ['host', ['evil.example', '', '[::1', 'a b']],
  ['te', ['trailers, deflate;q=0.5']],
  ['user-agent', ['', 'x'.repeat(4_000)]],
];

const EXTRA_FIELDS = [
  ...[
    'name',
    'url',
    'events',
    'gap',
    'timeout',
    'whenBusy',
    'maxQueued',
    'grace',
    'retries',
    'status',
    'origins',
  ],
  ...[
    'rateLimits',
    'kind',
    'data',
    'version',
    'ids',
    'since',
    'after',
    'views',
    'verify',
    'organization',
    'limit',
  ],
  ...['__proto__', 'constructor', 'id', 'publicSecret', ''],
];
const FILTERS = [
  ...[
    'org',
    'project',
    'integration',
    'endpoint',
    'status',
    'event',
    'code',
    'since',
    'until',
    'level',
    'limit',
  ],
  ...[
    'cursor',
    'by',
    'sort',
    'search',
    'host',
    'error',
    'environment',
    '__proto__',
    'constructor',
    'org[]',
    '',
  ],
];

const WRONG_PARTS = [
  '%zz',
  '%',
  '%c0%af',
  '%00',
  '%2e%2e',
  '%2f',
  '%25',
  '%F0%9F',
  '..',
  '.',
  ';',
  '%ud800',
  '*',
  ':id',
];

/** So many times each route is asked for what it takes, one after the other, before chance decides. */
const ROUNDS = 5;

/** The one with this number. */
export function requestOf(number: number, random: Random, world: World, adminToken: string): Sent {
  const isFirst = number < ROUNDS * ENTRIES.length;
  const [name, route] = (isFirst && ENTRIES[number % ENTRIES.length]) || pickRoute(random);
  const [method = '', url = ''] = name.split(' ');
  const make: Make = { random, world, name: `n ${number}` };
  const sent: Sent = {
    route: name,
    ...{ method, path: url.replace(':id', idFor(url, make)), query: '', headers: [], body: undefined },
  };
  if (route.query !== undefined) sent.query = queryOf(route.query(make));
  const token = route.who === 'integration' ? tokenFor(make) : adminToken;
  if (route.who !== 'nobody') sent.headers.push(['authorization', `Bearer ${token}`]);
  if (route.json !== undefined) {
    const json = !isFirst && random.once(3) ? changedJson(route, make) : JSON.stringify(route.json(make));
    setBody(sent, 'application/json', Buffer.from(json));
  }
  if (route.lines !== undefined) setBody(sent, 'application/x-ndjson', Buffer.from(route.lines(make)));
  if (isFirst || random.once(2)) return sent;
  for (let left = random.whole(1, 3); left > 0; left--) random.pick(CHANGES)(sent, make, route);
  return sent;
}

function idFor(url: string, { random, world }: Make): string {
  const collection = collectionOf(url);
  const known = collection === undefined ? [] : world.ids[collection];
  return known.length === 0 ? 'x' : random.pick(known);
}

/** Mostly of an integration that is left alone. */
function tokenFor({ random, world: { tokens } }: Make): string {
  return tokens[random.once(8) ? random.whole(0, tokens.length - 1) : random.whole(0, STANDING - 1)] ?? '';
}

function setBody(sent: Sent, type: string, body: Buffer): void {
  sent.headers.push(['content-type', type]);
  sent.body = body;
}

function queryOf(filters: Record<string, string>): string {
  return Object.entries(filters)
    .map(([key, value]) => `${encoded(key)}=${encoded(value)}`)
    .join('&');
}

/** As a URL has it. What is no Unicode is sent as what stands for it. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** The JSON of a body of which one field is missing, is wrong, or is one too many; `fixed` ones stay. */
function changedJson({ json, fixed = [] }: Route, make: Make): string {
  const { random } = make;
  const body: Record<string, unknown> = { ...json?.(make) };
  const others = Object.keys(body).filter((field) => !fixed.includes(field));
  const added = random.pick(EXTRA_FIELDS);
  const field = others.length > 0 && !random.once(3) ? random.pick(others) : added;
  if (fixed.includes(field)) return JSON.stringify(body);
  if (random.once(5)) {
    delete body[field];
    return JSON.stringify(body);
  }
  // As __proto__ assigned would not be a field.
  Object.defineProperty(body, field, { value: HOLE, enumerable: true, configurable: true });
  return JSON.stringify(body).replace(`"${HOLE}"`, () => wrongJson(make));
}

function wrongJson({ random, world }: Make): string {
  if (random.once(60)) return nested(random.pick([100, 130, 5_000, 100_000]));
  if (random.once(200)) return JSON.stringify('x'.repeat(random.pick([70_000, 262_000, 270_000])));
  if (random.once(6)) return JSON.stringify(random.pick(Object.values(world.ids)).at(-1) ?? null);
  return random.once(2) ? random.pick(WRONG_JSON) : JSON.stringify(random.pick(NASTY));
}

function nested(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`;
}

type Change = (sent: Sent, make: Make, route: Route) => void;

const changeMethod: Change = (sent, { random }) => {
  sent.method = random.pick(METHODS);
};

const changeId: Change = (sent, { random, world }) => {
  const at = sent.path.split('/');
  const where = at.length > 4 ? 4 : at.length - 1;
  const other = random.pick([
    () => encoded(random.pick(NASTY)),
    () => random.pick(WRONG_PARTS),
    () => random.pick(Object.values(world.ids)).at(-1) ?? 'x',
    () => 'y'.repeat(random.pick([300, 1_199, 1_201, 9_000])),
  ]);
  at[where] = other();
  sent.path = at.join('/');
};

const changePath: Change = (sent, { random }) => {
  const { path } = sent;
  sent.path = random.pick([
    `${path}/`,
    `/${path}`,
    path.toUpperCase(),
    path.replace('/v1', '/v2'),
    path.replaceAll('/', '//'),
    `${path}/${random.pick(WRONG_PARTS)}`,
    path.slice(0, random.whole(1, path.length)),
    path.replace('/api', '/./api/../api'),
    `http://evil.example${path}`,
    path.replace('o', '%6F'),
    `${path};x=1`,
  ]);
};

const changeQuery: Change = (sent, { random, world }) => {
  const key = encoded(random.once(2) ? random.pick(FILTERS) : random.pick(NASTY));
  const cursor = world.cursors.length > 0 ? random.pick(world.cursors) : 'x';
  const value = random.pick([
    () => encoded(random.pick(NASTY)),
    () => random.pick(WRONG_PARTS),
    () => cursor.slice(0, random.whole(0, cursor.length)),
    () => Buffer.from(`${random.pick(NASTY).toWellFormed()} wh_x`).toString('base64url'),
  ])();
  const more = random.once(10) ? `&${'a=b&'.repeat(1_500)}` : '';
  sent.query =
    random.pick([
      `${key}=${value}`,
      `${sent.query}&${key}=${value}&${key}=1`,
      `${key}`,
      `=${value}`,
      '&&=&',
    ]) + more;
};

/** A token that must not do: none, one that is not known, one of somebody else, or the right one written wrong. */
const changeToken: Change = (sent, { random, world }, { who }) => {
  if (who === 'nobody') return;
  const own = sent.headers.find(([name]) => name === 'authorization')?.[1] ?? '';
  const other = random.pick([
    '',
    'Bearer',
    'Bearer ',
    `Basic ${own.slice(7)}`,
    own.slice(0, -1),
    `${own}x`,
    `Bearer ints_${'x'.repeat(43)}`,
    `Bearer ${'y'.repeat(random.pick([512, 513, 8_000]))}`,
    own.slice(7),
    'Bearer é\u0080',
    ...(who === 'admin' ? [`Bearer ${world.tokens[0]}`] : []),
  ]);
  sent.headers = sent.headers.filter(([name]) => name !== 'authorization');
  if (other !== '') sent.headers.push(['authorization', other]);
};

const changeType: Change = (sent, { random }) => {
  sent.headers = sent.headers.filter(([name]) => name !== 'content-type');
  const type = random.pick(TYPES);
  if (type !== '') sent.headers.push(['content-type', type]);
};

const changeHeader: Change = (sent, { random }) => {
  const [name, values] = random.pick(OTHER_HEADERS);
  sent.headers.push([name, random.pick(values)]);
};

/** Not of a body that has to keep some of its fields. */
const changeBody: Change = (sent, { random }, { fixed = [] }) => {
  if (fixed.length > 0) return;
  const { body = Buffer.from('{}') } = sent;
  sent.body = random.pick<() => Buffer | undefined>([
    () => undefined,
    () => Buffer.from(random.pick(WHOLE_BODIES)),
    () => random.pick(BAD_BYTES),
    () => body.subarray(0, random.whole(0, body.length)),
    () => flipped(body, random),
    () => Buffer.concat([body, body]),
    () => (random.once(20) ? Buffer.from(`{"a":${nested(50_000)}}`) : body),
    () => (random.once(20) ? Buffer.alloc(random.pick([262_144, 262_145, 300_000]), 0x20) : body),
  ])();
};

/** Of the bytes as they are then: packed, packed wrong, or only said to be packed. */
const changeEncoding: Change = (sent, { random }) => {
  const { body = Buffer.from('{}') } = sent;
  const [encoding, packed] = random.pick<() => [string, Buffer]>([
    () => ['gzip', gzipSync(body)],
    () => ['deflate', deflateSync(body)],
    () => ['GZIP', gzipSync(body)],
    () => ['identity', body],
    () => ['gzip', body],
    () => ['gzip', gzipSync(body).subarray(0, 15)],
    () => ['gzip', flipped(gzipSync(body), random)],
    () => ['gzip', Buffer.concat([gzipSync(body), Buffer.from('rest')])],
    () => ['gzip', random.once(10) ? BOMB : Buffer.alloc(0)],
    () => ['gzip, gzip', gzipSync(gzipSync(body))],
    () => ['br', body],
    () => ['', body],
  ])();
  sent.headers.push(['content-encoding', encoding]);
  sent.body = packed;
};
const BOMB = gzipSync(Buffer.alloc(20_000_000, 0x20));

function flipped(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const at = random.whole(0, Math.max(0, copy.length - 1));
  if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << random.whole(0, 7));
  return copy;
}

const CHANGES: readonly Change[] = [
  ...[changeMethod, changeId, changePath, changeQuery, changeToken, changeType, changeHeader, changeBody],
  changeEncoding,
];

/** As it goes over the wire. */
export function bytesOf({ method, path, query, headers, body }: Sent): Buffer {
  const hasHost = headers.some(([name]) => name === 'host');
  const lines = [
    `${method} ${path}${query === '' ? '' : `?${query}`} HTTP/1.1`,
    ...(hasHost ? [] : ['host: 127.0.0.1']),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`content-length: ${body.length}`]),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body ?? Buffer.alloc(0)]);
}
