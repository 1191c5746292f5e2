// Posts do not wait for what comes of them: while recorder, dispatcher and projector, each a process of its own, stand
// still (SIGSTOP) and subscribers hang, all are taken, as fast as before. Afterwards each is recorded and sent once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fields } from '../e2e/hooklane.ts';
import {
  assertNotSlowed,
  assertOnce,
  SUBSCRIPTIONS,
  startPosting,
  startSubscribers,
} from '../e2e/posting.ts';
import { kafkaUrl, missing } from '../support/engines.ts';
import { waitFor } from '../support/wait.ts';
import { listAll, newCluster } from './cluster.ts';

const POSTS = 300;
const SETTLED_WITHIN_MS = 120_000;
/** A group notices that a member has gone, or is back. */
const NOTICED_WITHIN_MS = 60_000;

test('posts are taken as before while recorder, dispatcher and projector stand still and subscribers hang', {
  skip: missing('kafka') || missing('mongodb'),
}, async (t) => {
  const cluster = await newCluster(t, kafkaUrl ?? '');
  const subscribers = await startSubscribers(t);
  const { url } = await cluster.start('api');
  const others = [];
  for (const role of ['record', 'dispatch', 'project'] as const) others.push(await cluster.start(role));
  const api = `${url}/api/v1`;
  const { id } = await cluster.call('POST', `${api}/organizations`, { name: 'o' });
  const { id: projectId } = await cluster.call('POST', `${api}/organizations/${id}/projects`, { name: 'p' });
  const { publicSecret: token } = await cluster.call('POST', `${api}/projects/${projectId}/integrations`, {
    name: 'i',
  });
  let good = '';
  for (const [path, to] of subscribers.urls) {
    const settings = { url: to, events: ['log.*'], ...SUBSCRIPTIONS[path] };
    const endpoint = await cluster.call('POST', `${api}/organizations/${id}/endpoints`, settings);
    if (path === '/good') good = String(endpoint.id);
  }
  /** Waits until the groups have so many members each. */
  const grown = (members: number) =>
    waitFor(
      `groups of ${members}`,
      async () => {
        for (const group of ['recorder', 'dispatcher'] as const)
          if ((await cluster.members(group)) !== members) return false;
        return true;
      },
      NOTICED_WITHIN_MS,
    );
  await grown(1);

  const posting = startPosting(url, String(token));
  await posting.more(POSTS);
  await waitFor('subscribers to hang', () => {
    return subscribers.at('/silent').length > 0 && subscribers.at('/drip').length > 0;
  });
  for (const { kill } of others) kill('SIGSTOP');
  const stoppedAt = posting.posted.length;
  const arrived = subscribers.at('/good').length;
  await posting.more(POSTS);
  await grown(0);
  await posting.more(POSTS);
  const stood = posting.posted.length;
  // What was under way when they stopped may have arrived a little later.
  assert.ok(subscribers.at('/good').length < arrived + POSTS, 'nothing is sent');
  for (const { kill } of others) kill('SIGCONT');
  await grown(1);
  await posting.more(POSTS);
  await posting.end();
  const { posted } = posting;
  assertNotSlowed(t, posted.slice(0, stoppedAt), posted.slice(stoppedAt, stood));

  const told = await waitFor(
    'all to settle',
    async () => {
      const logs = await listAll<Fields>(cluster, `${api}/logs?`);
      if (logs.length < posted.length) return false;
      const deliveries = await listAll<Fields>(cluster, `${api}/deliveries?`);
      const isSettled = deliveries.every(({ status }) => status !== 'pending');
      return isSettled && deliveries.length >= logs.length * subscribers.urls.length && { logs, deliveries };
    },
    SETTLED_WITHIN_MS,
  );
  assertOnce(posted, told, {
    ...{ good, arrivals: subscribers.at('/good'), endpoints: subscribers.urls.length },
  });
});
