// kill -9, at moments that a seed chooses, in the middle of a thousand posts; a restart on the same data; and then
// an audit of all that was accepted, of all that is told of it, and of all that the subscriber has seen.
//
// A failing run prints its seed: HOOKLANE_TEST_SEED=… plays the same moments again.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { type Arrival, type Receiver, startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { testOnAllEngines } from './engines.ts';
import {
  ask,
  type Environment,
  type Fields,
  fetchItem,
  isWorkedOff,
  list,
  post,
  run,
  type Serving,
  serve,
  stop,
} from './hooklane.ts';

const POSTS = 1_000;
const POSTERS = 8;
/** The posts are spread so that there is something to send at all times; after a restart they catch up. */
const POST_EVERY_MS = 6;
const KILLS = 5;
/**
 * Subscribers: their gap, and how long they take to answer at most. The first is asked often. The second is often
 * in the middle of a request when the server dies, and its gap lasts longer than a restart. The third has no gap.
 */
const SUBSCRIBERS = [
  { gapMs: 200, answerMs: 20 },
  { gapMs: 1_200, answerMs: 900 },
  { gapMs: 0, answerMs: 20 },
];
/** Short, as a request in flight at a crash is in doubt for so long. */
const TIMEOUT = '1500ms';
/** By how much an arrival may be noticed late, on top of what this process was held up by itself. */
const NOISE_MS = 10;
const SETTLED_WITHIN_MS = 30_000;

/** Numbers from 0 to below 1 that a seed decides (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many times each value occurs. */
function counts(values: Iterable<unknown>): Map<string, number> {
  const found = new Map<string, number>();
  for (const value of values) found.set(String(value), (found.get(String(value)) ?? 0) + 1);
  return found;
}

function eventIdOf({ body }: Arrival): string {
  return JSON.parse(body).id;
}

interface Subscriber extends Receiver {
  gapMs: number;
  endpointId: string;
}

/** Starts the receivers and subscribes them. */
async function subscribe(t: TestContext, env: Environment, random: () => number): Promise<Subscriber[]> {
  const subscribers: Subscriber[] = [];
  for (const { gapMs, answerMs } of SUBSCRIBERS) {
    const receiver = await startReceiver(t, (response) => {
      setTimeout(() => response.end('ok'), random() * answerMs);
    });
    const settings = {
      org: 'default',
      url: receiver.url,
      events: 'log.*',
      gap: `${gapMs}ms`,
      timeout: TIMEOUT,
    };
    const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const { id } = await ask(t, ['endpoint', 'create', ...options], { env });
    subscribers.push({ ...receiver, gapMs, endpointId: String(id) });
  }
  return subscribers;
}

/** What became of the posts. */
interface Posted {
  /** The ids of those that were answered 201. */
  accepted: string[];
  /** How many were not answered, as the server died under them: they may have been accepted or not. */
  unanswered: number;
  server: Serving;
}

/** Posts a thousand times, and kills and restarts the server meanwhile. */
async function postAndKill(
  t: TestContext,
  directory: string,
  first: Serving,
  random: () => number,
): Promise<Posted> {
  const posted: Posted = { accepted: [], unanswered: 0, server: first };
  const moments = new Set(Array.from({ length: KILLS }, () => Math.floor(POSTS * (0.05 + 0.9 * random()))));
  const kills: Promise<void>[] = [];
  let restarted = Promise.resolve();

  async function restart(): Promise<void> {
    posted.server.kill('SIGKILL');
    assert.equal(await posted.server.ended, 'SIGKILL');
    posted.server = await serve(t, directory);
  }
  /** A while after the post, at any moment of what follows from it. */
  function killSoon(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    kills.push(promise);
    setTimeout(() => {
      restarted = restarted.then(restart);
      resolve(restarted);
    }, random() * 100);
  }
  const startedAtMs = performance.now();
  let tried = 0;
  async function poster(): Promise<void> {
    while (tried < POSTS) {
      const number = tried++;
      if (moments.has(number)) killSoon();
      await waitFor('the next post', () => performance.now() >= startedAtMs + number * POST_EVERY_MS, 60_000);
      await restarted;
      try {
        const { status, body } = await post(posted.server.url, first.token, { message: `post ${number}` });
        assert.equal(status, 201);
        posted.accepted.push(String(body.id));
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        posted.unanswered++;
      }
    }
  }
  await Promise.all(Array.from({ length: POSTERS }, poster));
  await Promise.all(kills);
  return posted;
}

/** What the server tells in the end. */
interface Told {
  inbound: Fields[];
  logs: Fields[];
  deliveries: Fields[];
}

/** Waits until nothing is pending any more. */
function settled({ url }: Serving, adminToken: string): Promise<Told> {
  const all = (collection: string) => list(url, adminToken, collection);
  return waitFor(
    'all to settle',
    async () => {
      if (!(await isWorkedOff(url, adminToken))) return false;
      const pending = await Promise.all(
        ['inbound-webhooks?status=pending', 'deliveries?status=pending'].map(all),
      );
      if (pending.flat().length > 0) return false;
      const [inbound = [], logs = [], deliveries = []] = await Promise.all(
        ['inbound-webhooks', 'logs', 'deliveries'].map(all),
      );
      return deliveries.length === SUBSCRIBERS.length * logs.length && { inbound, logs, deliveries };
    },
    SETTLED_WITHIN_MS,
  );
}

/** Each accepted post is exactly one log; one that was not answered is one log or none. */
function auditLogs({ accepted, unanswered }: Posted, { inbound, logs }: Told): void {
  const logsOf = counts(logs.map(({ inboundWebhookId }) => inboundWebhookId));
  for (const id of accepted) assert.equal(logsOf.get(id), 1, `the accepted post ${id}`);
  assert.deepEqual([...logsOf.keys()].sort(), inbound.map(({ id }) => String(id)).sort());
  assert.deepEqual([...counts(inbound.map(({ status }) => status)).keys()], ['processed']);
  assert.ok(logs.length <= accepted.length + unanswered);
  assert.equal(Math.max(...counts(logs.map(({ message }) => message)).values()), 1);
}

/** Each log is exactly one webhook; what is said to be delivered has arrived, under its id, and nothing else has. */
function auditDeliveries({ endpointId, gapMs, arrivals }: Subscriber, { logs, deliveries }: Told): void {
  const mine = deliveries.filter((delivery) => delivery.endpointId === endpointId);
  const events = logs.map(({ id }) => String(id).replace('log_', 'evt_')).sort();
  assert.deepEqual(mine.map(({ eventId }) => eventId).sort(), events);
  const statuses = [...counts(mine.map(({ status }) => status)).keys()].sort();
  assert.deepEqual(statuses, gapMs === 0 ? ['processed'] : ['omitted', 'processed']);

  const delivered = mine.filter(({ status }) => status === 'processed');
  const pairs = new Set(arrivals.map((arrival) => `${arrival.headers['webhook-id']} ${eventIdOf(arrival)}`));
  assert.deepEqual([...pairs].sort(), delivered.map(({ id, eventId }) => `${id} ${eventId}`).sort());
  const repeats = arrivals.length - delivered.length;
  if (gapMs > 0)
    assert.ok(repeats <= KILLS, `${repeats} repeats, of one request at a time, at ${KILLS} crashes`);
}

/** No two requests were closer than the gap: by what the receiver saw, and by what is told of all attempts. */
function auditGap({ gapMs, arrivals }: Subscriber, attempts: { startedAt: string }[], noiseMs: number): void {
  const seen = differences(arrivals.map(({ atMs }) => atMs));
  assert.ok(Math.min(...seen) >= gapMs - noiseMs, `${seen.map(Math.round)}, noise ${noiseMs} ms`);
  const told = differences(attempts.map(({ startedAt }) => Date.parse(startedAt)));
  assert.ok(Math.min(...told) >= gapMs, `${told}`);
}

function differences(times: number[]): number[] {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted.slice(1).map((time, i) => time - (sorted[i] ?? 0));
}

testOnAllEngines(
  'kill -9 in the middle of a thousand posts loses no accepted one and sends nothing inside the gap',
  async (t) => {
    const seed = Number(process.env.HOOKLANE_TEST_SEED ?? Math.floor(Math.random() * 1e9));
    t.diagnostic(`seed ${seed}`);
    const random = chance(seed);
    const directory = temporaryDirectory(t);
    const env = { HOOKLANE_DATA: directory };
    const first = await serve(t, directory, { env: { HOOKLANE_BURST: 'none', HOOKLANE_SUSTAINED: 'none' } });
    const subscribers = await subscribe(t, env, random);

    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const posted = await postAndKill(t, directory, first, random);
    const { server, accepted, unanswered } = posted;
    const adminToken = readFileSync(join(directory, 'admin-token'), 'utf8').trim();
    const told = await settled(server, adminToken);
    delay.disable();
    const requests = subscribers.map(({ arrivals }) => arrivals.length).join(', ');
    t.diagnostic(`${accepted.length} accepted, ${unanswered} not answered, ${requests} requests`);

    auditLogs(posted, told);
    const noiseMs = NOISE_MS + delay.max / 1e6;
    for (const subscriber of subscribers) {
      auditDeliveries(subscriber, told);
      if (subscriber.gapMs === 0) continue;
      const sent = [...new Set(subscriber.arrivals.map(({ headers }) => headers['webhook-id']))];
      const shown = sent.map((id) => fetchItem(server.url, adminToken, `deliveries/${id}`));
      const attempts = (await Promise.all(shown)).flatMap((item) => item.attempts as { startedAt: string }[]);
      auditGap(subscriber, attempts, noiseMs);
    }
    const verified = await run(t, ['replay', '--verify'], { env });
    assert.equal(verified.exit, 0, verified.stderr);
    const held = await run(t, ['verify'], { env });
    assert.equal(held.exit, 0, `${held.stdout}${held.stderr}`);
    await stop(server);
  },
);
