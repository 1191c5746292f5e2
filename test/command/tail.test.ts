// Routes that follow, and those that try many webhooks again at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import type { WebhookOmitted } from '../../src/events.ts';
import { newId } from '../../src/ids.ts';
import { id, logRecorded, omitted } from '../projections/facts.ts';
import { waitFor } from '../support/wait.ts';
import { startApi, startWithOrganization } from './api.ts';
import { ADMIN_TOKEN, assertProblem, wrongFields } from './client.ts';

const AUTHORIZED = { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };

test('who follows logs is told of each from then on, a line of JSON each', async (t) => {
  const { port, log } = await startApi(t);
  const recorded = (number: number) => logRecorded({ inboundId: id('in', number), message: `log ${number}` });
  await log.append([recorded(0)]);
  const { statusCode, headers, body } = await request(
    `http://127.0.0.1:${port}/api/v1/logs/tail`,
    AUTHORIZED,
  );
  assert.deepEqual([statusCode, headers['content-type']], [200, 'application/x-ndjson']);
  let text = '';
  body.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  // Cut by us.
  body.on('error', () => {});
  await waitFor('the first line, which is empty', () => text === '\n');
  await log.append([recorded(1), recorded(2)]);
  await waitFor('two logs', () => text.split('\n').length === 4);
  const [first, second] = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual([first.message, second.message], ['log 1', 'log 2']);
  assert.deepEqual([first.id, second.id], [id('log', 1), id('log', 2)]);
  body.destroy();
});

test('a server that stops does not wait for those who follow', async (t) => {
  // What would wait is the end of the test, in which the server is closed.
  const { port } = await startApi(t);
  const { body } = await request(`http://127.0.0.1:${port}/api/v1/deliveries/tail`, AUTHORIZED);
  let isOver = false;
  body.on('data', () => {});
  body.on('end', () => {
    isOver = true;
  });
  t.after(() => waitFor('the end', () => isOver));
});

test('only so many may follow at a time, and none without the admin token', async (t) => {
  const { port, call } = await startApi(t);
  const url = `http://127.0.0.1:${port}/api/v1/deliveries/tail`;
  assertProblem(await call('/api/v1/deliveries/tail', { token: 'wrong-token' }), 401);
  const bodies = [];
  for (let n = 0; n < 50; n++) bodies.push((await request(url, AUTHORIZED)).body);
  for (const body of bodies) body.on('error', () => {});
  assertProblem(await call('/api/v1/deliveries/tail'), 503);
  bodies.pop()?.destroy();
  const again = await waitFor('a place', async () => {
    const { statusCode, body } = await request(url, AUTHORIZED);
    body.on('error', () => {});
    if (statusCode === 200) return body;
    body.destroy();
    return undefined;
  });
  for (const body of [...bodies, again]) body.destroy();
});

test('what an endpoint missed is asked for by its time; what is wrong is named', async (t) => {
  const { call, ok, organization } = await startWithOrganization(t);
  const input = { url: 'http://127.0.0.1:9/', events: ['*'] };
  const { id } = await ok(`${organization}/endpoints`, { json: input });
  const recover = `/api/v1/endpoints/${id}/recover`;
  const { since, ...rest } = await ok<Record<string, unknown>>(recover, { json: { since: '1h' } });
  assert.ok(Math.abs(Date.parse(String(since)) - (Date.now() - 3_600_000)) < 60_000);
  assert.deepEqual(rest, { endpointId: id, asked: 0, ids: [], gone: [], remaining: 0 });
  for (const [json, field] of [
    [{}, 'since'],
    [{ since: 'yesterday' }, 'since'],
    [{ since: '1h', after: 'wh_1' }, 'after'],
  ] as const) {
    const answer = await call(recover, { json });
    assertProblem(answer, 422);
    assert.deepEqual(wrongFields(answer), [field]);
  }
  assertProblem(await call('/api/v1/endpoints/nothing/recover', { json: { since: '1h' } }), 404);
  assertProblem(await call('/api/v1/deliveries/retry', { json: { ids: [] } }), 422);
  assertProblem(await call('/api/v1/deliveries/retry', { json: { ids: [newId('wh')] } }), 404);
});

test('what an endpoint missed is tried again but for what has no payload any more, which is named', async (t) => {
  const { call, ok, log, organization, events } = await startWithOrganization(t);
  const input = { url: 'http://127.0.0.1:9/', events: ['*'] };
  const { id: endpointId } = await ok(`${organization}/endpoints`, { json: input });
  const organizationId = organization.split('/').at(-1);
  const ids = { organizationId, endpointId } as Pick<WebhookOmitted, 'organizationId' | 'endpointId'>;
  const missed = [0, 1].map((n) => omitted({ ...ids, webhookId: id('wh', n), eventId: id('evt', n) }));
  // What was said of the first is nowhere any more.
  await log.append([logRecorded({ ...ids, inboundId: id('in', 1) }), ...missed]);
  const { body } = await call(`/api/v1/endpoints/${endpointId}/recover`, { json: { since: '2026-01-31' } });
  const { asked, gone, remaining } = body as Record<string, unknown>;
  assert.deepEqual(
    [asked, (body as { ids: string[] }).ids, gone, remaining],
    [1, [id('wh', 1)], [id('wh', 0)], 0],
  );
  const requested = (await events('organizations')).filter(({ type }) => type === 'WebhookRetryRequested');
  assert.equal(requested.length, 1);
});
