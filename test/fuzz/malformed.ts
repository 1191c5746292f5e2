// Bytes that are no request as HTTP has it, or are on the edge of it: what the server makes of them it answers by a
// problem, or closes the connection; of what it takes for a post it answers each by itself. Each is made of a post that
// would be taken.

import type { Random } from '../simulation/random.ts';

/** A post of a log, to be spoiled. */
export interface Post {
  token: string;
  /** By which it can be told in the log, whichever part of it is spoiled. */
  number: number;
}

/** What is written to one connection, piece by piece. */
export function malformedOf(random: Random, post: Post): { shape: string; pieces: Buffer[] } {
  const shape = random.pick(SHAPE_NAMES);
  const bytes = Buffer.from(SHAPES[shape]?.(parts(post), random) ?? '', 'latin1');
  return { shape, pieces: random.once(4) ? cut(bytes, random) : [bytes] };
}

interface Parts {
  line: string;
  host: string;
  token: string;
  type: string;
  body: string;
  /** A whole request that would be taken. */
  whole: string;
}

function parts({ token, number }: Post): Parts {
  const body = JSON.stringify({ message: `malformed-${number}` });
  const line = 'POST /api/v1/webhooks/logs HTTP/1.1\r\n';
  const [host, authorization, type] = [
    'host: a\r\n',
    `authorization: Bearer ${token}\r\nx-request-id: malformed-${number}\r\n`,
    'content-type: application/json\r\n',
  ];
  const whole = `${line}${host}${authorization}${type}content-length: ${body.length}\r\n\r\n${body}`;
  return { line, host, token: authorization, type, body, whole };
}

function cut(bytes: Buffer, random: Random): Buffer[] {
  const at = random.whole(0, bytes.length);
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

/** The number of the malformed request that an inbound webhook came of; undefined: of none. */
export function malformedNumberOf({ headers, body }: { headers: Record<string, string>; body: Buffer }) {
  const number = /malformed-(\d+)/.exec(`${headers['x-request-id']} ${body.toString('latin1')}`)?.[1];
  return number === undefined ? undefined : Number(number);
}

type Shape = (parts: Parts, random: Random) => string;

/** The request with other lines in the place of content-length, and another body. */
const framed =
  (lines: string, body: string): Shape =>
  (p) =>
    `${p.line}${p.host}${p.token}${p.type}${lines}\r\n${body}`;
const HEX = (text: string) => text.length.toString(16);

const SHAPES: Readonly<Record<string, Shape>> = {
  'a post as it should be': ({ whole }) => whole,
  'many posts in one piece': ({ whole }, random) => whole.repeat(random.whole(2, 20)),
  'a post that is cut off': ({ whole }, random) => whole.slice(0, random.whole(0, whole.length - 1)),
  'a post with one bit changed': ({ whole }, random) => flip(whole, random),
  'a post with bytes put in': ({ whole }, random) => {
    const at = random.whole(0, whole.length);
    return whole.slice(0, at) + noise(random, random.whole(1, 8)) + whole.slice(at);
  },
  noise: (_, random) => noise(random, random.whole(1, 2_000)),
  'a TLS hello': (_, random) => `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${noise(random, 64)}`,
  'an HTTP/2 preface': () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'nothing at all': () => '',
  'empty lines': ({ whole }, random) => '\r\n'.repeat(random.whole(1, 5_000)) + whole,

  'a content-length that is none': (p, random) =>
    framed(
      `content-length: ${random.pick(['x', '-1', '+5', '1e3', '0x10', '', ' ', '1,2', '99999999999999999999'])}\r\n`,
      p.body,
    )(p, random),
  'two lengths': (p, random) =>
    framed(
      `content-length: ${p.body.length}\r\ncontent-length: ${random.pick([p.body.length, 1])}\r\n`,
      p.body,
    )(p, random),
  'a length that is too short': (p, random) =>
    framed(`content-length: ${random.whole(0, p.body.length - 1)}\r\n`, p.body)(p, random),
  'a length that is too long': (p, random) =>
    framed(`content-length: ${p.body.length + random.whole(1, 9_999)}\r\n`, p.body)(p, random),
  'no length': (p, random) => framed('', p.body)(p, random),
  'a length of many bytes that never come': (p, random) =>
    framed('content-length: 200000000\r\n', p.body)(p, random),

  'a chunked post': (p, random) =>
    framed('transfer-encoding: chunked\r\n', `${HEX(p.body)}\r\n${p.body}\r\n0\r\n\r\n`)(p, random),
  'chunks gone wrong': (p, random) =>
    framed(
      'transfer-encoding: chunked\r\n',
      random.pick([
        `x\r\n${p.body}\r\n0\r\n\r\n`,
        `-1\r\n${p.body}\r\n0\r\n\r\n`,
        `${HEX(p.body)}${p.body}\r\n0\r\n\r\n`,
        `${HEX(p.body)}\r\n${p.body}0\r\n\r\n`,
        `ffffffffffffffffff\r\n${p.body}\r\n0\r\n\r\n`,
        `${HEX(p.body)}\r\n${p.body}\r\n`,
        `${HEX(p.body)};${'x'.repeat(20_000)}\r\n${p.body}\r\n0\r\n\r\n`,
        `${HEX(p.body)}\n${p.body}\n0\n\n`,
        `${HEX(p.body)}\r\n${p.body}\r\n0\r\ntrailer: x\r\n\r\n`,
        `${HEX(p.body)}\r\n${p.body}\r\n0\r\ncontent-length: 3\r\n\r\nabc`,
        `0\r\n\r\n${p.whole}`,
        '1\r\n{\r\n'.repeat(3_000),
      ]),
    )(p, random),
  'two framings': (p, random) => {
    const chunked = `${HEX(p.body)}\r\n${p.body}\r\n0\r\n\r\n`;
    const other = random.pick([
      'chunked',
      'Chunked',
      'x, chunked',
      'chunked, identity',
      'identity',
      'xchunked',
      ' chunked',
      '\tchunked',
      'chunked\r\n x',
    ]);
    const lines = [
      `content-length: ${random.pick([4, p.body.length, chunked.length])}\r\n`,
      `transfer-encoding: ${other}\r\n`,
    ];
    if (random.once(2)) lines.reverse();
    return framed(lines.join(''), chunked + p.whole)(p, random);
  },
  'a framing that is written wrong': (p, random) =>
    framed(
      random.pick([
        'transfer-encoding : chunked\r\n',
        'transfer-encoding:\x0bchunked\r\n',
        'transfer\rencoding: chunked\r\n',
        ' transfer-encoding: chunked\r\n',
        'transfer_encoding: chunked\r\n',
      ]),
      `0\r\n\r\n${p.whole}`,
    )(p, random),
  'a post within a post': (p, random) =>
    framed(`content-length: ${p.whole.length}\r\n`, p.whole + random.pick(['', p.whole, '\r\n']))(p, random),
  'a body where none belongs': (p) =>
    `GET /healthz HTTP/1.1\r\n${p.host}content-length: ${p.whole.length}\r\n\r\n${p.whole}`,

  'many headers': (p, random) => {
    const count = random.pick([50, 1_500, 5_000]);
    return `${p.line}${p.host}${p.token}${p.type}${'x: y\r\n'.repeat(count)}content-length: ${p.body.length}\r\n\r\n${p.body}`;
  },
  'a long header': (p, random) =>
    p.whole.replace('host: a', `host: a\r\nx: ${'y'.repeat(random.pick([1_000, 15_000, 20_000, 300_000]))}`),
  'a long URL': ({ whole }, random) =>
    whole.replace('/logs', `/logs?${'a'.repeat(random.pick([1_000, 15_000, 20_000]))}`),
  'a header that is none': ({ whole }, random) =>
    whole.replace(
      'host: a\r\n',
      random.pick([
        'host\r\n',
        ': a\r\n',
        'ho st: a\r\n',
        'host: a\n',
        'host: a\r\r\n',
        'host: a\r\n folded\r\n',
        'host: \x00\r\n',
        'h\xf6st: a\r\n',
        'host: a\r\nhost: b\r\n',
        '',
      ]),
    ),
  'another version': ({ whole }, random) =>
    whole.replace(
      'HTTP/1.1',
      random.pick([
        'HTTP/1.0',
        'HTTP/0.9',
        'HTTP/2.0',
        'HTTP/9.9',
        'HTTP/1.01',
        'http/1.1',
        'HTTP',
        '',
        'ICE/1.0',
        'RTSP/1.0',
      ]),
    ),
  'another method': ({ whole }, random) =>
    whole.replace(
      'POST',
      random.pick(['post', 'POS T', 'BREW', 'CONNECT', 'SOURCE', 'PRI', 'P\x00ST', 'X'.repeat(5_000)]),
    ),
  'another target': ({ whole }, random) =>
    whole.replace(
      '/api/v1/webhooks/logs',
      random.pick([
        '*',
        'http://a',
        'a:80',
        '/\x00',
        '/ /',
        '/\xff',
        'http://[::1',
        '\\',
        '/../..',
        '?',
        '#',
      ]),
    ),
  'lines that end otherwise': ({ whole }, random) =>
    whole.replaceAll('\r\n', random.pick(['\n', '\r', '\n\r', '\r\n\r'])),
  'an upgrade': ({ whole }, random) =>
    whole.replace(
      'host: a',
      `host: a\r\nconnection: upgrade\r\nupgrade: ${random.pick(['websocket', 'h2c', 'TLS/1.3'])}`,
    ),
  'an expectation': ({ whole }, random) =>
    whole.replace(
      'host: a',
      `host: a\r\nexpect: ${random.pick(['100-continue', 'miracles', '100-continue, x'])}`,
    ),
  'a connection that is named': ({ whole }, random) =>
    whole.replace(
      'host: a',
      `host: a\r\nconnection: ${random.pick(['close', 'keep-alive', 'authorization', 'close, keep-alive', ''])}`,
    ) + whole,
};
const SHAPE_NAMES = Object.keys(SHAPES);

function noise(random: Random, length: number): string {
  return String.fromCharCode(...Array.from({ length }, () => random.whole(0, 255)));
}

function flip(text: string, random: Random): string {
  const at = random.whole(0, text.length - 1);
  const changed = String.fromCharCode(text.charCodeAt(at) ^ (1 << random.whole(0, 7)));
  return text.slice(0, at) + changed + text.slice(at + 1);
}
