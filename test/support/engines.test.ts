import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { MongoClient } from 'mongodb';
import { SUPERUSER, startBroker } from './broker.ts';
import {
  kafkaUrl,
  missing,
  missingOwn,
  mongodbUrl,
  redisUrl,
  uniqueDatabase,
  uniquePrefix,
} from './engines.ts';
import { sourcesOf } from './engines-setup.ts';
import * as mongod from './mongod.ts';
import { commandOf, enginesDirectory } from './provisioned.ts';
import { startRedis } from './redis.ts';
import { waitFor } from './wait.ts';

test('an engine named in the environment comes first, then Docker, then what npm run engines has provided', () => {
  assert.deepEqual(sourcesOf({ named: true, docker: true, provisioned: true }), ['environment']);
  assert.deepEqual(sourcesOf({ named: false, docker: true, provisioned: true }), [
    'container',
    'provisioned',
  ]);
  assert.deepEqual(sourcesOf({ named: false, docker: true, provisioned: false }), ['container']);
  assert.deepEqual(sourcesOf({ named: false, docker: false, provisioned: true }), ['provisioned']);
  assert.deepEqual(sourcesOf({ named: false, docker: false, provisioned: false }), []);
});

test('engines lie in the cache directory of the user, and nothing is found in an empty one', () => {
  assert.equal(enginesDirectory({ XDG_CACHE_HOME: '/c' }), '/c/hooklane/engines');
  assert.match(enginesDirectory({}), /\/\.cache\/hooklane\/engines$/);
  const empty = { XDG_CACHE_HOME: '/nowhere', PATH: process.env.PATH ?? '' };
  assert.equal(commandOf('kafka', empty), undefined);
  assert.equal(commandOf('mongodb', empty), undefined);
  assert.equal(commandOf('redis', { XDG_CACHE_HOME: '/nowhere', PATH: '/nowhere' }), undefined);
});

test('a test has topics and a database of its own', () => {
  assert.notEqual(uniquePrefix(), uniquePrefix());
  assert.match(uniqueDatabase('mongodb://a:1,b:2/?x=y'), /^mongodb:\/\/a:1,b:2\/t-[0-9a-f]{12}\?x=y$/);
  assert.match(uniqueDatabase('mongodb://u:p@a:1'), /^mongodb:\/\/u:p@a:1\/t-[0-9a-f]{12}$/);
  assert.match(uniqueDatabase('mongodb://a:1/db?x=y'), /^mongodb:\/\/a:1\/t-[0-9a-f]{12}\?x=y$/);
});

// ── the run's shared engines ────────────────────────────────────────────────────────────────────────────────

test('the Kafka of the run answers', { skip: missing('kafka') }, async () => {
  await withAdmin({ brokers: [new URL(kafkaUrl ?? '').host] }, async (admin) => {
    assert.equal((await admin.describeCluster()).brokers.length > 0, true);
  });
});

test('the MongoDB of the run answers', { skip: missing('mongodb') }, async () => {
  assert.deepEqual((await ping(mongodbUrl ?? '')).ok, 1);
});

test('the Redis of the run answers', { skip: missing('redis') }, async () => {
  assert.equal(await redisPing(redisUrl ?? ''), '+PONG\r\n');
});

// ── engines of a test's own ─────────────────────────────────────────────────────────────────────────────────

test('a broker that was killed comes back with its topics', { skip: missingOwn('kafka') }, async (t) => {
  const broker = await startBroker(t);
  const topic = `${uniquePrefix()}logs`;
  const brokers = [`127.0.0.1:${broker.port}`];
  await withAdmin({ brokers }, (admin) => admin.createTopics({ topics: [{ topic }], waitForLeaders: true }));
  await broker.stop('SIGKILL');
  await assert.rejects(
    withAdmin({ brokers }, (admin) => admin.listTopics()),
    { name: 'KafkaJSNumberOfRetriesExceeded' },
  );
  await broker.start();
  assert.deepEqual(await withAdmin({ brokers }, (admin) => admin.listTopics()), [topic]);
});

test('a broker with users and TLS refuses a wrong password, a missing permission and an unknown authority', {
  skip: missingOwn('kafka'),
}, async (t) => {
  const broker = await startBroker(t, { users: { alice: 'wonder' }, tls: true });
  const brokers = [`127.0.0.1:${broker.port}`];
  const ssl = { ca: [broker.ca?.pem ?? ''] };
  const topics = (admin: Admin) => admin.createTopics({ topics: [{ topic: 'logs' }] });
  const alice = { mechanism: 'scram-sha-256', username: 'alice', password: 'wonder' } as const;
  await assert.rejects(
    withAdmin({ brokers, ssl, sasl: { ...alice, password: 'no' } }, topics),
    /invalid credentials/,
  );
  await assert.rejects(withAdmin({ brokers, ssl, sasl: alice }, topics), /Topic creation errors/);
  await assert.rejects(withAdmin({ brokers, ssl: true, sasl: alice }, topics), /self-signed certificate/);
  assert.equal(await withAdmin({ brokers, ssl, sasl: { mechanism: 'plain', ...SUPERUSER } }, topics), true);
});

test('a MongoDB that was killed comes back with what it acknowledged', {
  skip: missingOwn('mongodb'),
}, async (t) => {
  const server = await mongod.startMongod(t);
  await withClient(server.url, (client) => client.db('a').collection('b').insertOne({ n: 1 }));
  await server.stop('SIGKILL');
  await server.start();
  assert.equal(await withClient(server.url, (client) => client.db('a').collection('b').countDocuments()), 1);
});

test('a MongoDB with users refuses who has not logged in', { skip: missingOwn('mongodb') }, async (t) => {
  const server = await mongod.startMongod(t, { auth: true });
  const { username, password } = mongod.SUPERUSER;
  const insert = (client: MongoClient) => client.db('a').collection('b').insertOne({ n: 1 });
  await assert.rejects(withClient(server.url, insert), { code: 13 });
  const login = server.url.replace('//', `//${username}:${password}@`);
  assert.equal((await withClient(`${login}&authSource=admin`, insert)).acknowledged, true);
});

test('an engine ends with its owner, even one that was killed', { skip: missingOwn('redis') }, async () => {
  const script = `import { newRedis } from '${new URL('./redis.ts', import.meta.url)}';
    const { url, directory } = await newRedis();
    console.log(url, directory);`;
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(owner.stdout, 'data');
  const [url = '', directory = ''] = String(line).trim().split(' ');
  assert.equal(await redisPing(url), '+PONG\r\n');
  assert.ok(existsSync(directory));
  owner.kill('SIGKILL');
  await waitFor('Redis to end', async () => (await redisPing(url)) === undefined);
  await waitFor('its directory to go', () => !existsSync(directory));
});

test('an engine leaves nothing behind', { skip: missingOwn('redis') }, async (t) => {
  const server = await startRedis(t);
  assert.ok(existsSync(server.directory));
  await server.close();
  assert.equal(existsSync(server.directory), false);
  assert.equal(await redisPing(server.url), undefined);
});

// ── clients ─────────────────────────────────────────────────────────────────────────────────────────────────

type Admin = ReturnType<Kafka['admin']>;

async function withAdmin<T>(
  config: ConstructorParameters<typeof Kafka>[0],
  use: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = new Kafka({
    logLevel: logLevel.NOTHING,
    retry: { retries: 1, initialRetryTime: 10 },
    ...config,
  }).admin();
  try {
    await admin.connect();
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

async function withClient<T>(url: string, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(url);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

function ping(url: string) {
  return withClient(url, (client) => client.db('admin').command({ ping: 1 }));
}

/** What Redis answers to PING; undefined: nobody is there. */
function redisPing(url: string): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write('PING\r\n'));
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(String(answer));
    });
    socket.once('error', () => resolve(undefined));
    // One that is shutting down may still take the connection, and close it without an answer.
    socket.once('close', () => resolve(undefined));
  });
}
