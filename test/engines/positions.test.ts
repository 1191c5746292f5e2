// Positions that are lost send nothing again, and make nothing twice: Kafka forgets those of a group that nobody was in
// for a week, and operators reset them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { kafkaUrl, missing } from '../support/engines.ts';
import { waitFor } from '../support/wait.ts';
import { listAll, newCluster } from './cluster.ts';
import { startSubscriber } from './subscriber.ts';

const POSTS = 20;

test('when Kafka has forgotten the positions of all groups, nothing is sent again', {
  skip: missing('kafka') || missing('mongodb'),
}, async (t) => {
  const cluster = await newCluster(t, kafkaUrl ?? '');
  const subscriber = await startSubscriber(t);
  const { url } = await cluster.start('api');
  await cluster.start('project');
  const api = `${url}/api/v1`;
  const { id } = await cluster.call('POST', `${api}/organizations`, { name: 'o' });
  const { id: projectId } = await cluster.call('POST', `${api}/organizations/${id}/projects`, { name: 'p' });
  const integration = await cluster.call('POST', `${api}/projects/${projectId}/integrations`, { name: 'i' });
  await cluster.call('POST', `${api}/organizations/${id}/endpoints`, {
    ...{ url: `${subscriber.url}/free`, events: ['log.*'], gap: '0s' },
  });
  const post = async (number: number) => {
    const { statusCode, body } = await request(`${api}/webhooks/logs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${integration.publicSecret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ message: `post ${number}` }),
    });
    await body.dump();
    assert.equal(statusCode, 201);
  };
  const arrived = (count: number) =>
    waitFor(`${count} arrivals`, async () => (await subscriber.arrivals()).arrivals.length >= count, 30_000);

  const first = [await cluster.start('record'), await cluster.start('dispatch')];
  for (let number = 0; number < POSTS; number++) await post(number);
  await arrived(POSTS);
  for (const process of first) {
    process.kill('SIGTERM');
    assert.equal(await process.ended, 0, process.stderr());
  }
  await cluster.forget('recorder');
  await cluster.forget('dispatcher');

  await cluster.start('record');
  await cluster.start('dispatch');
  await post(POSTS);
  // It stands behind all the others, so by then they have been gone through once more.
  await arrived(POSTS + 1);
  const { arrivals } = await subscriber.arrivals();
  assert.equal(new Set(arrivals.map(({ webhookId }) => webhookId)).size, POSTS + 1);
  assert.equal(arrivals.length, POSTS + 1, 'nothing was sent again');
  const counted = async (collection: string) => (await listAll(cluster, `${api}/${collection}?`)).length;
  await waitFor('the read models', async () => (await counted('deliveries')) === POSTS + 1);
  assert.equal(await counted('logs'), POSTS + 1);
});
