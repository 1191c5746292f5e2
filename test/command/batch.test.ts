// POST /api/v1/webhooks/…/batch: each line is a post of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { LogUnavailable } from '../../src/log/log.ts';
import { DEPLOYS, LOGS, startWithIntegration } from './api.ts';
import { assertProblem } from './client.ts';

const NDJSON = { 'content-type': 'application/x-ndjson' };

interface BatchAnswer {
  accepted: number;
  refused: number;
  items: { line: number; status: number; id?: string; type?: string; detail?: string }[];
}

test('each line is answered: those that are taken are in the log, in their order, as the bytes that came', async (t) => {
  const { ok, events, token } = await startWithIntegration(t);
  const lines = [
    '{"message":"one"}',
    '',
    '  {"message" : "two"}\r',
    'nonsense',
    '[1]',
    `{"m":"${'x'.repeat(256 * 1024)}"}`,
    '{"message":"three"}',
  ];
  const answer = await ok<BatchAnswer>(`${LOGS}/batch`, {
    token,
    raw: `${lines.join('\n')}\n`,
    headers: NDJSON,
  });
  assert.deepEqual([answer.accepted, answer.refused], [3, 3]);
  assert.deepEqual(
    answer.items.map(({ line, status }) => [line, status]),
    [
      [1, 201],
      [3, 201],
      [4, 400],
      [5, 422],
      [6, 413],
      [7, 201],
    ],
  );
  for (const { status, type, detail } of answer.items) {
    if (status !== 201) assert.match(`${type} ${detail}`, /^urn:hooklane:problem:\S+ .+/);
  }
  const stored = await events('inbound');
  assert.deepEqual(
    stored.map((event) => event.type === 'LogReceived' && [event.id, event.body.toString()]),
    [0, 2, 6].map((at, i) => [answer.items.filter(({ status }) => status === 201)[i]?.id, lines[at]]),
  );
  const ids = answer.items.flatMap(({ id }) => id ?? []);
  assert.deepEqual(ids, [...new Set(ids)].sort());
});

test('each line counts against the limits, and what they refuse says when to come again', async (t) => {
  const { call, events, token } = await startWithIntegration(
    t,
    {},
    { rateLimits: { burst: '3/1h', sustained: null } },
  );
  const raw = ['{}', '{', ...Array(4).fill('{}')].join('\n');
  const { status, headers, text } = await call(`${LOGS}/batch`, { token, raw, headers: NDJSON });
  assert.equal(status, 200);
  const { items }: BatchAnswer = JSON.parse(text);
  assert.deepEqual(
    items.map((item) => item.status),
    [201, 400, 201, 201, 429, 429],
  );
  assert.equal(headers['retry-after'], '3600');
  assert.equal((await events('inbound')).length, 3);
});

test('a line that is refused for what would be left of it uses nothing up', async (t) => {
  const limits = { rateLimits: { burst: '1/1h', sustained: null } };
  const { ok, token } = await startWithIntegration(t, {}, limits);
  // Each of them would be longer with what stands in its place.
  const secrets = JSON.stringify({ a: Array(24_000).fill(['pwd', 1]) });
  const raw = `${secrets}\n{}`;
  const { items } = await ok<BatchAnswer>(`${LOGS}/batch`, { token, raw, headers: NDJSON });
  assert.deepEqual(
    items.map(({ status }) => status),
    [422, 201],
  );
});

test('a batch may be packed, and holds what its resource takes', async (t) => {
  const { ok, events, token } = await startWithIntegration(t);
  const raw = gzipSync('{"version":"1"}\n{"release":"2"}');
  const headers = { ...NDJSON, 'content-encoding': 'gzip' };
  const { items } = await ok<BatchAnswer>(`${DEPLOYS}/batch`, { token, raw, headers });
  assert.deepEqual(
    items.map(({ status }) => status),
    [201, 422],
  );
  assert.deepEqual(
    (await events('inbound')).map(({ type }) => type),
    ['DeployReceived'],
  );
});

test('a batch that is none is refused whole', async (t) => {
  const { call, events, token } = await startWithIntegration(t);
  const post = (raw: string, contentType = 'application/x-ndjson') =>
    call(`${LOGS}/batch`, { token, raw, headers: { 'content-type': contentType } });
  assertProblem(await post(''), 400);
  assertProblem(await post('\n \r\n'), 400);
  assertProblem(await post('{}', 'application/json'), 415);
  assertProblem(await post('{}\n'.repeat(1_001)), 413);
  assertProblem(await post(`{}\n${' '.repeat(4 * 1024 * 1024)}`), 413);
  assertProblem(await call(`${LOGS}/batch`, { token: 'made-up', raw: '{}', headers: NDJSON }), 401);
  assertProblem(await call(LOGS, { token, raw: '{}', headers: NDJSON }), 415);
  assert.deepEqual(await events('inbound'), []);
});

test('while the log cannot be written no line is taken', async (t) => {
  const { call, events, fault, token } = await startWithIntegration(t);
  fault.append = new LogUnavailable('the disk is full');
  assertProblem(await call(`${LOGS}/batch`, { token, raw: '{}\n{}', headers: NDJSON }), 503);
  fault.append = undefined;
  assert.deepEqual(await events('inbound'), []);
});
