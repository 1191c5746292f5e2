// 100,000 requests that chance made up, to every route of a real server: each is answered, no answer is a fault of ours,
// every refusal is a problem that tells nothing of the inside, and in the end the log holds what was accepted and
// nothing else. Made by a generator of our own, as fast-check takes longer to make a request than the server to answer it.
//
// A failing run prints its seed and the request: HOOKLANE_TEST_SEED=… makes up the same ones, with other ids in them.
// HOOKLANE_TEST_REQUESTS=… makes up more, or fewer.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { EventType } from '../../src/events.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { startApi } from '../command/api.ts';
import { ADMIN_TOKEN, createClient } from '../command/client.ts';
import { fetchItem, isWorkedOff, run, type Serving, serve, stop } from '../e2e/hooklane.ts';
import { createRandom } from '../simulation/random.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { NoAnswer, readAnswer } from './answers.ts';
import { askEndless, createConnection, exchange } from './connection.ts';
import { newWorld, ROUTES, routeOf, STANDING, type World } from './grammar.ts';
import { createJudge, type Judge, wrongLog } from './judge.ts';
import { malformedNumberOf, malformedOf } from './malformed.ts';
import { bytesOf, requestOf, type Sent } from './requests.ts';

const REQUESTS = Number(process.env.HOOKLANE_TEST_REQUESTS ?? 100_000);
const CONNECTIONS = 48;
/** One in so many is no request as HTTP has it. */
const MALFORMED = 25;
/** After so many wrong answers the rest is not worth the time. */
const MOST_WRONG = 10;
/** What is written after what is no request: a server that has understood all before it answers, and closes. */
const LAST = Buffer.from('GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
const WITHIN_MS = 600_000;
const SETTLED_WITHIN_MS = 60_000;

/** What others than the routes append to the topics that routes append to. */
const OF_OTHERS: ReadonlySet<EventType> = new Set<EventType>([
  'LogRecorded',
  'DeployRecorded',
  'InboundWebhookFailed',
]);

test('every route has a generator, and every generator a route', async (t) => {
  const { routes } = await startApi(t);
  // Those of the server itself are there before it tells of any.
  const all = ['GET /healthz', 'GET /readyz', ...routes].filter((route) => !route.startsWith('HEAD '));
  assert.deepEqual(Object.keys(ROUTES).sort(), all.sort(), 'the table is in test/fuzz/grammar.ts');
});

test('100,000 requests are answered without a fault, and the log holds what was accepted and nothing else', {
  timeout: WITHIN_MS,
}, async (t) => {
  const seed = Number(process.env.HOOKLANE_TEST_SEED ?? Math.floor(Math.random() * 1e9));
  t.diagnostic(`seed ${seed}`);
  const directory = temporaryDirectory(t);
  const server = await serve(t, directory, {
    env: {
      ...{ HOOKLANE_ADMIN_TOKEN: ADMIN_TOKEN, HOOKLANE_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') },
      ...{ HOOKLANE_BURST: 'none', HOOKLANE_SUSTAINED: 'none', HOOKLANE_UNAUTHENTICATED: 'none' },
    },
  });
  const world = await settle(t, server);
  const before = await endsOf(directory);
  const judge = createJudge(world, ADMIN_TOKEN);

  const startedMs = performance.now();
  const { wrong, seen } = await fuzz(server, { seed, world, judge });
  const seconds = (performance.now() - startedMs) / 1_000;
  t.diagnostic(`${REQUESTS} requests in ${seconds.toFixed(1)} s: ${JSON.stringify(seen.statuses)}`);
  assert.equal(wrong.join('\n'), '', `seed ${seed}`);
  // It is worth nothing if it never gets past the door, or never to a route.
  const never = Object.entries(ROUTES)
    .filter(([name, { refused }]) => !refused && !seen.accepted.has(name))
    .map(([name]) => name);
  assert.deepEqual(never, [], 'routes that accepted nothing');

  await settled(server);
  const env = { HOOKLANE_DATA: directory };
  const held = await run(t, ['verify'], { env });
  assert.equal(held.exit, 0, `${held.stdout}${held.stderr}`);
  const compared = await run(t, ['replay', '--verify'], { env });
  assert.equal(compared.exit, 0, `${compared.stdout}${compared.stderr}`);
  await stop(server);
  assert.doesNotMatch(server.stdout() + server.stderr(), /"level":[56]0/);
  const { types, inbound } = await appendedSince(directory, before);
  assert.deepEqual(wrongLog(judge.account, types, inbound), [], `seed ${seed}`);
});

/** What requests are made of: a few organizations that are left alone, others that are not, and one that was imported. */
async function settle(t: TestContext, server: Serving): Promise<World> {
  const receiver = await startReceiver(t);
  const client = createClient(server.url);
  t.after(() => client.close());
  const elsewhere = await startApi(t);
  const { organizationId } = await elsewhere.integration();
  const connection = createConnection(elsewhere.port);
  const { body: exported } = await connection.ask(
    'GET',
    Buffer.from(
      `GET /api/v1/organizations/${organizationId}/export HTTP/1.1\r\nhost: a\r\n` +
        `authorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`,
    ),
  );
  connection.close();
  const headers = { 'content-type': 'application/x-ndjson' };
  await client.ok('/api/v1/import', { raw: exported, headers });

  const world = newWorld(receiver.url, exported);
  for (let i = 0; i < 2 * STANDING; i++) {
    const make = (path: string, json: object) => client.ok(`/api/v1/${path}`, { json });
    const organization = await make('organizations', { name: `standing ${i}` });
    const project = await make(`organizations/${organization.id}/projects`, { name: 'shop' });
    const integration = await make(`projects/${project.id}/integrations`, { name: 'node' });
    const endpoint = await make(`organizations/${organization.id}/endpoints`, {
      url: receiver.url,
      events: ['log.*'],
    });
    world.tokens.push(String(integration.publicSecret));
    if (i < STANDING) continue;
    world.ids.organizations.push(String(organization.id));
    world.ids.projects.push(String(project.id));
    world.ids.integrations.push(String(integration.id));
    world.ids.endpoints.push(String(endpoint.id));
  }
  return world;
}

interface Seen {
  statuses: Record<number, number>;
  /** The routes that have answered 2xx. */
  accepted: Set<string>;
}

/** Sends them all. Resolves to what was wrong: the number of the request, what it was, and how it was answered. */
async function fuzz(
  server: Serving,
  { seed, world, judge }: { seed: number; world: World; judge: Judge },
): Promise<{ wrong: string[]; seen: Seen }> {
  const port = Number(new URL(server.url).port);
  const wrong: string[] = [];
  const seen: Seen = { statuses: {}, accepted: new Set() };
  let next = 0;

  function see(status: number): void {
    seen.statuses[status] = (seen.statuses[status] ?? 0) + 1;
  }

  async function ask(number: number, connection: ReturnType<typeof createConnection>): Promise<void> {
    // Each has chance of its own, so that what other connections do does not change it.
    const random = createRandom(seed + number * 7_919);
    if (random.once(MALFORMED)) {
      const post = { token: world.tokens[0] ?? '', number };
      const { shape, pieces } = malformedOf(random, post);
      const statuses = await take(number, shape, pieces);
      for (const status of statuses) see(status);
      return;
    }
    const sent = requestOf(number, random, world, ADMIN_TOKEN);
    const bytes = bytesOf(sent);
    const found = routeOf(sent.method, sent.path);
    try {
      const answer =
        found?.route.endless && sent.method === 'GET'
          ? await askEndless(port, bytes)
          : await connection.ask(sent.method, bytes);
      see(answer.status);
      if (found !== undefined && answer.status < 300) seen.accepted.add(found.name);
      const why = judge.take(sent, answer);
      if (why !== undefined)
        wrong.push(report(number, sent, bytes, `${why}: ${answer.status} ${answer.body.slice(0, 500)}`));
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      wrong.push(report(number, sent, bytes, error.message));
    }
  }

  /** Whatever the bytes are: what comes back is answers, one after the other, and then the end. */
  async function take(number: number, shape: string, pieces: readonly Buffer[]): Promise<number[]> {
    const statuses: number[] = [];
    const told = () =>
      `request ${number}, ${shape}: ${JSON.stringify(Buffer.concat(pieces).toString('latin1', 0, 1_000))}`;
    try {
      const { bytes, cutOff } = await exchange(port, [...pieces, LAST]);
      if (cutOff) judge.account.doubtful.add(number);
      let rest = bytes;
      while (rest.length > 0) {
        const read = readAnswer(rest, 'POST', true);
        // What we have cut off may be the answer.
        if (read === undefined && cutOff) break;
        if (read === undefined) throw new NoAnswer('half an answer', rest);
        rest = rest.subarray(read.end);
        statuses.push(read.answer.status);
        const why = judge.takePost(read.answer);
        if (why !== undefined) wrong.push(`${told()}: ${why}: ${read.answer.status} ${read.answer.body}`);
      }
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      wrong.push(`${told()}: ${error.message}`);
    }
    return statuses;
  }

  async function client(): Promise<void> {
    const connection = createConnection(port);
    while (next < REQUESTS && wrong.length < MOST_WRONG) await ask(next++, connection);
    connection.close();
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return { wrong, seen };
}

function report(number: number, { route }: Sent, bytes: Buffer, why: string): string {
  return `request ${number}, made for ${route}: ${why}\n${JSON.stringify(bytes.toString('latin1', 0, 1_000))}`;
}

/** Waits until recorder, dispatcher and read models have all that is in the log, and no replay that was asked for runs. */
async function settled(server: Serving): Promise<void> {
  await waitFor(
    'all to be caught up, and no replay to run',
    async () => {
      const { items } = await fetchItem(server.url, ADMIN_TOKEN, 'replays');
      const runs = (items as { status: string }[]).some(({ status }) => status === 'running');
      return !runs && (await isWorkedOff(server.url, ADMIN_TOKEN));
    },
    SETTLED_WITHIN_MS,
  );
}

const APPENDED_TO = ['inbound', 'organizations'] as const;

async function endsOf(directory: string): Promise<Record<string, number[]>> {
  const log = openSqliteLog({ directory, serve: false });
  const ends = await Promise.all(APPENDED_TO.map(async (topic) => [topic, await log.ends(topic)]));
  await log.close();
  return Object.fromEntries(ends);
}

/** What stands in the log since then: events by type, and inbound webhooks, with the number of those that came malformed. */
async function appendedSince(directory: string, ends: Record<string, number[]>) {
  const types = new Map<EventType, number>();
  const inbound = new Map<string, number | undefined>();
  const log = openSqliteLog({ directory, serve: false });
  for (const topic of APPENDED_TO) {
    for await (const { events } of log.read(topic, { from: { ...ends[topic] } })) {
      for (const { event } of events) {
        if (OF_OTHERS.has(event.type)) continue;
        types.set(event.type, (types.get(event.type) ?? 0) + 1);
        if (event.type === 'LogReceived' || event.type === 'DeployReceived')
          inbound.set(event.id, malformedNumberOf(event));
      }
    }
  }
  await log.close();
  return { types, inbound };
}
