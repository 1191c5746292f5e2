// Posts that go on and on beside what a test does, each with how it was answered and how long that took; and subscribers
// that hang.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Arrival, startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { type Fields, post } from './hooklane.ts';

const CLIENTS = 8;
/** Each client posts no more often. */
const EVERY_MS = 80;
/** A post that takes longer is held up by something: on Kafka it would be refused by then. */
const HELD_UP_MS = 3_000;
/** Nor may half of them take so many times as long as those that nothing was in the way of, unless that is next to nothing. */
const MANY_TIMES = 3;
const NEXT_TO_NOTHING_MS = 250;
const BYTE_EVERY_MS = 50;

interface Posted {
  id: string;
  tookMs: number;
}

export interface Posting {
  posted: readonly Posted[];
  /** Resolves when so many more have been answered. */
  more(count: number): Promise<void>;
  /** Resolves when all have been answered. Rejects, as more() does, when one was refused. */
  end(): Promise<void>;
}

/** Begins to post, each time something else. */
export function startPosting(url: string, token: string): Posting {
  const posted: Posted[] = [];
  let isOver = false;
  let numbers = 0;
  const clients = Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (!isOver) {
        const sinceMs = performance.now();
        const { status, body } = await post(url, token, { message: `post ${numbers++}` });
        assert.equal(status, 201, JSON.stringify(body));
        posted.push({ id: String(body.id), tookMs: performance.now() - sinceMs });
        await waitFor('the next post', () => isOver || performance.now() >= sinceMs + EVERY_MS);
      }
    }),
  );
  // Told by end().
  clients.catch(() => {});
  return {
    posted,
    async more(count) {
      const until = posted.length + count;
      await Promise.race([waitFor(`${count} posts`, () => posted.length >= until, 60_000), clients]);
    },
    async end() {
      isOver = true;
      await clients;
    },
  };
}

/** None took much longer than those before. */
export function assertNotSlowed(t: TestContext, before: readonly Posted[], during: readonly Posted[]): void {
  const [usual, now] = [before, during].map((posts) => posts.map(({ tookMs }) => tookMs).sort(byNumber));
  assert.ok(usual && now);
  const [usualMs, nowMs] = [usual, now].map((sorted) => sorted[Math.floor(sorted.length / 2)] ?? 0);
  t.diagnostic(
    `half of ${before.length} posts within ${usualMs?.toFixed(1)} ms, then of ${during.length} within ${nowMs?.toFixed(1)} ms; ` +
      `the slowest ${usual.at(-1)?.toFixed(0)} ms, then ${now.at(-1)?.toFixed(0)} ms`,
  );
  assert.ok(
    Number(nowMs) < Math.max(MANY_TIMES * Number(usualMs), NEXT_TO_NOTHING_MS),
    'posts take many times as long',
  );
  assert.ok(Number(now.at(-1)) < HELD_UP_MS, 'a post was held up');
}

const byNumber = (a: number, b: number) => a - b;

/** What subscribers that hang, and one that does not, are subscribed with; by path. */
export const SUBSCRIPTIONS = {
  '/good': { gap: '0s' },
  // Most of what is for them comes before the gap is over, and is omitted.
  '/silent': { gap: '200ms', timeout: '2s', retries: [] },
  '/drip': { gap: '200ms', timeout: '2s', retries: [] },
};

export interface Subscribers {
  /** By path. */
  urls: [path: keyof typeof SUBSCRIPTIONS, url: string][];
  at(path: keyof typeof SUBSCRIPTIONS): Arrival[];
}

/** A receiver that takes all and answers at /good, never at /silent, and byte by byte without an end at /drip. */
export async function startSubscribers(t: TestContext): Promise<Subscribers> {
  const { url, arrivals } = await startReceiver(t, (response, { url: path }) => {
    if (path === '/silent') return;
    if (path !== '/drip') {
      response.end('ok');
      return;
    }
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), BYTE_EVERY_MS);
    response.once('close', () => clearInterval(timer));
  });
  const paths = Object.keys(SUBSCRIPTIONS) as (keyof typeof SUBSCRIPTIONS)[];
  return {
    urls: paths.map((path) => [path, new URL(path, url).href]),
    at: (path) => arrivals.filter((arrival) => arrival.path === path),
  };
}

/** Each post is one log, and has been one webhook for each endpoint; the good one has had all of them. */
export function assertOnce(
  posted: readonly Posted[],
  told: { logs: Fields[]; deliveries: Fields[] },
  { good, arrivals, endpoints }: { good: string; arrivals: readonly Arrival[]; endpoints: number },
): void {
  const ids = posted.map(({ id }) => id).sort();
  assert.deepEqual(told.logs.map(({ inboundWebhookId }) => inboundWebhookId).sort(), ids);
  assert.equal(told.deliveries.length, ids.length * endpoints);
  assert.equal(
    new Set(told.deliveries.map((one) => `${one.eventId} ${one.endpointId}`)).size,
    ids.length * endpoints,
  );
  const delivered = told.deliveries.filter(({ endpointId }) => endpointId === good);
  assert.deepEqual(new Set(delivered.map(({ status }) => status)), new Set(['processed']));
  const received = new Set(arrivals.map(({ headers }) => headers['webhook-id']));
  assert.deepEqual(received, new Set(delivered.map(({ id }) => id)));
}
