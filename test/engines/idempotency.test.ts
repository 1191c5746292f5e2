// Idempotency-Keys at two API processes, which share nothing but Kafka and MongoDB: each key is sent to both at once, again
// and again until it is taken, while one of them is killed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { kafkaUrl, missing } from '../support/engines.ts';
import { waitFor } from '../support/wait.ts';
import { listAll, newCluster } from './cluster.ts';
import { startSubscriber } from './subscriber.ts';

const KEYS = 60;
/** Requests with one key at once, and keys at a time. */
const AT_ONCE = 20;
const CLIENTS = 3;
/** The key at which one process is killed. */
const KILLED_AT = 30;
/** A lease is over long before. */
const TAKEN_WITHIN_MS = 60_000;

test('a key that is sent to two processes at once, of which one is killed, is one log and one webhook', {
  skip: missing('kafka') || missing('mongodb'),
}, async (t) => {
  const cluster = await newCluster(t, kafkaUrl ?? '');
  const subscriber = await startSubscriber(t);
  const processes = [await cluster.start('api'), await cluster.start('api')];
  for (const role of ['project', 'record', 'dispatch'] as const) await cluster.start(role);
  const api = `${processes[0]?.url}/api/v1`;
  const { id } = await cluster.call('POST', `${api}/organizations`, { name: 'o' });
  const { id: projectId } = await cluster.call('POST', `${api}/organizations/${id}/projects`, { name: 'p' });
  const { publicSecret: token } = await cluster.call('POST', `${api}/projects/${projectId}/integrations`, {
    name: 'i',
  });
  await cluster.call('POST', `${api}/organizations/${id}/endpoints`, {
    ...{ url: `${subscriber.url}/free`, events: ['log.*'], gap: '0s' },
  });

  /** Sends it, to either process, until it is taken; gives the id. */
  const send = (key: number, number: number) =>
    waitFor(
      `key ${key} to be taken`,
      async () => {
        const url = processes[number % processes.length]?.url;
        const answer = await request(`${url}/api/v1/webhooks/logs`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/json',
            'idempotency-key': `key-${key}`,
          },
          body: JSON.stringify({ message: `post ${key}` }),
        }).catch(() => undefined);
        // Killed under us.
        if (answer === undefined) return false;
        const { statusCode, body } = answer;
        const text = await body.text().catch(() => '');
        if (statusCode === 409 || statusCode === 503 || text === '') return false;
        assert.equal(statusCode, 201, text);
        return String(JSON.parse(text).id);
      },
      TAKEN_WITHIN_MS,
    );
  const ids: string[] = [];
  let next = 0;
  const client = async () => {
    while (next < KEYS) {
      const key = next++;
      const sent = Array.from({ length: AT_ONCE }, (_, number) => send(key, number));
      if (key === KILLED_AT) processes.pop()?.kill('SIGKILL');
      const different = new Set(await Promise.all(sent));
      assert.equal(different.size, 1, `key ${key}: ${[...different]}`);
      ids.push(...different);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));

  const listed = (collection: string) => listAll<Record<string, string>>(cluster, `${api}/${collection}?`);
  const deliveries = await waitFor(
    'all to be delivered',
    async () => {
      const found = await listed('deliveries');
      return found.length >= KEYS && found.every(({ status }) => status === 'processed') && found;
    },
    TAKEN_WITHIN_MS,
  );
  assert.equal(deliveries.length, KEYS);
  assert.deepEqual((await listed('inbound-webhooks')).map((one) => one.id).sort(), ids.toSorted());
  assert.deepEqual((await listed('logs')).map((one) => one.inboundWebhookId).sort(), ids.toSorted());
  const { arrivals } = await subscriber.arrivals();
  assert.equal(arrivals.length, KEYS);
});
