// How long the lanes of a dispatcher wait when it goes: measured and told. What is asserted is that they are taken over.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { kafkaUrl, missing } from '../support/engines.ts';
import { waitFor } from '../support/wait.ts';
import { type Cluster, newCluster, SESSION_MS } from './cluster.ts';
import { type Subscriber, startSubscriber } from './subscriber.ts';

const SKIP = { skip: missing('kafka') || missing('mongodb') };
/** Enough that either dispatcher has lanes of its own. */
const ORGANIZATIONS = 24;
/** After which it counts as stuck. */
const TAKEN_OVER_WITHIN_MS = SESSION_MS + 30_000;
/** Events in flight at a time, one an organization. */
const EVERY_MS = 50;

/** Two dispatchers, each with lanes, and an endpoint without a gap in each organization. */
async function twoDispatchers(t: TestContext) {
  const cluster = await newCluster(t, kafkaUrl ?? '');
  const subscriber = await startSubscriber(t);
  const api = await cluster.start('api');
  await cluster.start('project');
  const dispatchers = [await cluster.start('dispatch'), await cluster.start('dispatch')] as const;
  await waitFor('both to be members', async () => (await cluster.members('dispatcher')) === 2);
  const organizations: string[] = [];
  for (let number = 0; number < ORGANIZATIONS; number++) {
    const { id } = await cluster.call('POST', `${api.url}/api/v1/organizations`, { name: `org ${number}` });
    await cluster.call('POST', `${api.url}/api/v1/organizations/${id}/endpoints`, {
      ...{ url: `${subscriber.url}/${number}`, events: ['*'], gap: '0s' },
    });
    organizations.push(String(id));
  }
  return { cluster, subscriber, dispatchers, organizations, api: `${api.url}/api/v1` };
}

/** Publishes to all organizations, again and again, until `stop()`. */
function publishing(cluster: Cluster, api: string, organizations: readonly string[]) {
  let stopped = false;
  const loops = organizations.map(async (id) => {
    while (!stopped) {
      await cluster.call('POST', `${api}/organizations/${id}/events`, { kind: 'k', data: {} });
      const nextAtMs = performance.now() + EVERY_MS;
      await waitFor('the next event', () => performance.now() >= nextAtMs);
    }
  });
  return {
    async stop() {
      stopped = true;
      await Promise.all(loops);
    },
  };
}

/** How long after `sinceMs` something arrived at every path again: the longest of them, in milliseconds. */
async function allServed(subscriber: Subscriber, sinceMs: number): Promise<number> {
  return waitFor(
    'requests of all lanes',
    async () => {
      const { arrivals } = await subscriber.arrivals();
      const first = new Map<string, number>();
      for (const { path, atMs } of arrivals) {
        if (atMs > sinceMs && !first.has(path)) first.set(path, atMs - sinceMs);
      }
      return first.size === ORGANIZATIONS && Math.max(...first.values());
    },
    TAKEN_OVER_WITHIN_MS,
  );
}

const now = () => performance.timeOrigin + performance.now();

test('the lanes of a dispatcher that is killed go on when its session is over', SKIP, async (t) => {
  const { cluster, subscriber, dispatchers, organizations, api } = await twoDispatchers(t);
  const events = publishing(cluster, api, organizations);
  await allServed(subscriber, now());
  const killedAtMs = now();
  dispatchers[0].kill('SIGKILL');
  const tookMs = await allServed(subscriber, killedAtMs);
  await events.stop();
  t.diagnostic(
    `${tookMs.toFixed(0)} ms from SIGKILL to the next request of each lane, session ${SESSION_MS} ms`,
  );
});

test('the lanes of a dispatcher that stops in order go on at once', SKIP, async (t) => {
  const { cluster, subscriber, dispatchers, organizations, api } = await twoDispatchers(t);
  const events = publishing(cluster, api, organizations);
  await allServed(subscriber, now());
  const stoppedAtMs = now();
  dispatchers[0].kill('SIGTERM');
  assert.equal(await dispatchers[0].ended, 0, dispatchers[0].stderr());
  const tookMs = await allServed(subscriber, stoppedAtMs);
  await events.stop();
  t.diagnostic(`${tookMs.toFixed(0)} ms from SIGTERM to the next request of each lane`);
});
