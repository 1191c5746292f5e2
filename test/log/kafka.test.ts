// What is special to the log on Kafka: how topics are made and checked, owners that come too late, commits that nobody
// answers, a broker that goes away and comes back.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { Fenced, type Log, LogRefused, LogUnavailable, type Partition } from '../../src/log/log.ts';
import { patiently } from '../../src/log/patience.ts';
import { processTime } from '../../src/time.ts';
import {
  all,
  changed,
  joinByHand,
  lane,
  numbersOf,
  organizationsByPartition,
  started,
  take,
} from '../contract/log-kit.ts';
import { startBroker } from '../support/broker.ts';
import { kafkaUrl, missing, missingOwn, uniquePrefix } from '../support/engines.ts';
import { waitFor } from '../support/wait.ts';
import { openLog } from './kafka-open.ts';

const SHARED = { skip: missing('kafka') };
const OWN = { skip: missingOwn('kafka') };

/** The broker, as an operator's tools see it. */
async function operator(t: TestContext) {
  const kafka = new Kafka({ brokers: [new URL(kafkaUrl ?? '').host], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  return { kafka, admin };
}

async function configOf(t: TestContext, topic: string): Promise<Record<string, string>> {
  const { admin } = await operator(t);
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: 2, name: topic }],
  });
  return Object.fromEntries(
    (resources[0]?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]),
  );
}

// ── topics ──────────────────────────────────────────────────────────────────────────────────────────────────

test('topics are made with 16 partitions that forget nothing; lanes is compacted', SHARED, async (t) => {
  const prefix = uniquePrefix();
  const log = await openLog(t, { prefix });
  assert.equal(log.partitions, 16);
  for (const topic of ['inbound', 'organizations', 'outbound', 'lanes']) {
    const config = await configOf(t, `${prefix}${topic}`);
    const policy = topic === 'lanes' ? 'compact' : 'delete';
    assert.deepEqual([config['cleanup.policy'], config['retention.ms']], [policy, '-1'], topic);
  }
});

test(
  'inbound and outbound forget after the retention that is set, the configuration never',
  SHARED,
  async (t) => {
    const prefix = uniquePrefix();
    const retentionMs = 86_400_000;
    await openLog(t, { prefix, partitions: 1, retentionMs });
    const kept = async (topic: string) => (await configOf(t, `${prefix}${topic}`))['retention.ms'];
    assert.deepEqual([await kept('inbound'), await kept('outbound')], ['86400000', '86400000']);
    assert.equal(await kept('organizations'), '-1');
    await assert.rejects(openLog(t, { prefix, retentionMs: 2 * retentionMs }), {
      code: 'LOG_REFUSED',
      message: new RegExp(
        `^Kafka: ${prefix}inbound has retention.ms=86400000, and HOOKLANE_KAFKA_RETENTION says`,
      ),
    });
  },
);

test(
  'topics that are there are used as they are, and another number of partitions is refused',
  SHARED,
  async (t) => {
    const prefix = uniquePrefix();
    await openLog(t, { prefix, partitions: 3 });
    assert.equal((await openLog(t, { prefix })).partitions, 3);
    await assert.rejects(openLog(t, { prefix, partitions: 4 }), {
      code: 'LOG_REFUSED',
      message: /inbound 3, .*; HOOKLANE_PARTITIONS says 4; a topic keeps the number it was made with/,
    });
  },
);

test('topics that are not partitioned alike are refused', SHARED, async (t) => {
  const prefix = uniquePrefix();
  const { admin } = await operator(t);
  const topics = [
    { topic: `${prefix}organizations`, numPartitions: 2 },
    { topic: `${prefix}outbound`, numPartitions: 3 },
  ];
  await admin.createTopics({ topics });
  await assert.rejects(openLog(t, { prefix }), {
    code: 'LOG_REFUSED',
    message: /organizations 2, .*outbound 3; all of them need the same number/,
  });
});

for (const [topic, configEntries, reason] of [
  ['lanes', [], /lanes has cleanup.policy=delete, and needs compact/],
  [
    'organizations',
    [{ name: 'cleanup.policy', value: 'compact' }],
    /cleanup.policy=compact, and needs delete/,
  ],
  ['organizations', [], /retention.ms=604800000, and would forget the configuration/],
  [
    'inbound',
    [{ name: 'max.message.bytes', value: '1000000' }],
    /max.message.bytes=1000000, and needs 1048576 for HOOKLANE_BODY_LIMIT=256KiB/,
  ],
  [
    'organizations',
    [
      { name: 'retention.ms', value: '-1' },
      { name: 'retention.bytes', value: '1000' },
    ],
    /retention.bytes=1000, and would forget the configuration/,
  ],
] as const) {
  test(`a topic made otherwise than we need it is refused: ${reason.source}`, SHARED, async (t) => {
    const prefix = uniquePrefix();
    const { admin } = await operator(t);
    await admin.createTopics({
      topics: [{ topic: `${prefix}${topic}`, numPartitions: 1, configEntries: [...configEntries] }],
    });
    await assert.rejects(openLog(t, { prefix }), { code: 'LOG_REFUSED', message: reason });
  });
}

test('a topic that is gone is not made anew beside others that have been written to', SHARED, async (t) => {
  const prefix = uniquePrefix();
  const { admin } = await operator(t);
  await (await openLog(t, { prefix, partitions: 1 })).append([changed('a', 1)]);
  await admin.deleteTopics({ topics: [`${prefix}lanes`] });
  await waitFor('it to be gone', async () => !(await admin.listTopics()).includes(`${prefix}lanes`));
  await assert.rejects(openLog(t, { prefix }), {
    code: 'LOG_REFUSED',
    message: /there is no topic \S+lanes, though \S+organizations has been written to/,
  });
});

test('lanes are not read from partitions that were added, where they do not belong', SHARED, async (t) => {
  const prefix = uniquePrefix();
  const { admin } = await operator(t);
  const log = await openLog(t, { prefix, partitions: 1 });
  await log.append([changed('a', 1)]);
  const owner = await joinByHand(log, 'organizations').partition(0);
  await take(owner, 1);
  await owner.commit(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => lane(name, 1)),
    1,
  );
  await log.close();
  const topics = ['inbound', 'organizations', 'outbound', 'lanes'];
  await admin.createPartitions({
    topicPartitions: topics.map((topic) => ({ topic: `${prefix}${topic}`, count: 4 })),
  });
  const wider = await openLog(t, { prefix });
  await assert.rejects(all(wider, 'lanes', { partition: 0 }), {
    code: 'LOG_REFUSED',
    message: /a lane of partition 0 belongs to \d of 4: partitions were added/,
  });
});

test('two that start at the same moment make the topics once', SHARED, async (t) => {
  const prefix = uniquePrefix();
  const logs = await Promise.all([openLog(t, { prefix }), openLog(t, { prefix }), openLog(t, { prefix })]);
  assert.deepEqual(
    logs.map(({ partitions }) => partitions),
    [16, 16, 16],
  );
});

// ── owners ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A partition and what its work has come to own, each time it was begun. */
function joinAgain(log: Log) {
  const owned: Partition<'organizations'>[] = [];
  const membership = log.join('dispatcher', 'organizations', async (partition) => {
    owned.push(partition);
    const time = processTime();
    const patient = patiently({ group: 'dispatcher', partition, time, onUnavailable: () => {} });
    for (let n = 1; !partition.lost.aborted; n++) {
      const events = await patient(() => partition.next(10));
      const last = events.at(-1);
      if (last !== undefined) await patient(() => partition.commit([started('a', n)], last.offset + 1));
    }
  });
  return { owned, membership };
}

test(
  'an owner that was fenced by somebody who came too late becomes the owner once more',
  SHARED,
  async (t) => {
    const prefix = uniquePrefix();
    const log = await openLog(t, { prefix, partitions: 1 });
    const { owned } = joinAgain(log);
    await waitFor('the first ownership', () => owned.length === 1);
    // Who came too late: a producer of the same transactional id, and no member of the group.
    const { kafka } = await operator(t);
    const late = kafka.producer({
      transactionalId: `${prefix}dispatcher.organizations.0`,
      maxInFlightRequests: 1,
    });
    await late.connect();
    await (await late.transaction()).abort();
    await log.append([changed('a', 1)]);
    await waitFor('the second ownership', () => owned.length === 2);
    await waitFor('its commit', async () => {
      const [[end], [position]] = await Promise.all([
        log.ends('organizations'),
        log.positions('dispatcher', 'organizations'),
      ]);
      return position === end;
    });
    assert.equal(owned[0]?.lost.aborted, true);
    assert.equal((await all(log, 'outbound')).length, 1, 'what was fenced did not count');
    await late.disconnect();
  },
);

test(
  'a member that nobody hears of loses its partition to another, and its commits are fenced',
  SHARED,
  async (t) => {
    const prefix = uniquePrefix();
    const [one, other] = [await openLog(t, { prefix, partitions: 1 }), await openLog(t, { prefix })];
    await one.append([changed('a', 1), changed('a', 2)]);
    const older = await joinByHand(one, 'organizations').partition(0);
    const [first] = await take(older, 2);
    const newer = await joinByHand(other, 'organizations').partition(0);
    await assert.rejects(older.commit([started('a', 1), lane('a', 1)], (first?.offset ?? 0) + 1), Fenced);
    assert.deepEqual(numbersOf(await take(newer, 2)), [1, 2]);
    await newer.commit([started('a', 2)], 2);
    assert.deepEqual(numbersOf(await all(one, 'outbound')), [2]);
  },
);

test(
  'three members share the partitions, and those of one that leaves go to the others',
  SHARED,
  async (t) => {
    const prefix = uniquePrefix();
    const open = () => openLog(t, { prefix, partitions: 6 });
    const logs = [await open(), await open(), await open()];
    const owners = new Map<number, number>();
    const memberships = logs.map((log, member) =>
      log.join('recorder', 'inbound', async ({ index, lost, next }) => {
        owners.set(index, member);
        while (!lost.aborted) await next(1);
        if (owners.get(index) === member) owners.delete(index);
      }),
    );
    const shares = () =>
      logs.map((_, member) => [...owners.values()].filter((owner) => owner === member).length);
    await waitFor('an even share', () => shares().every((share) => share === 2));
    await memberships[1]?.close();
    await waitFor('the others to take over', () => String(shares()) === '3,0,3');
    assert.deepEqual([...owners.keys()].sort(), [0, 1, 2, 3, 4, 5]);
  },
);

test('somebody else in the group, with another way to share, is an error that says so', SHARED, async (t) => {
  const prefix = uniquePrefix();
  const log = await openLog(t, { prefix, partitions: 1 });
  const { kafka } = await operator(t);
  const foreign = kafka.consumer({ groupId: `${prefix}recorder` });
  t.after(() => foreign.disconnect());
  await foreign.connect();
  await foreign.subscribe({ topic: `${prefix}inbound` });
  const joined = new Promise((resolve) => foreign.on('consumer.group_join', resolve));
  await foreign.run({ eachMessage: async () => {} });
  await joined;
  const membership = log.join('recorder', 'inbound', async () => {});
  await assert.rejects(membership.ended, LogRefused);
});

test('two partitions take their turn first; others when these are done, or take long', SHARED, async (t) => {
  const log = await openLog(t, { prefix: uniquePrefix(), partitions: 4 });
  const organizations = await organizationsByPartition(log);
  await log.append(organizations.map((organization) => changed(organization, 1)));
  const { partition } = joinByHand(log, 'organizations');
  const begunMs: number[] = [];
  const begun = Array.from({ length: 4 }, async (_, index) => {
    const mine = await partition(index);
    const events = await mine.next(10);
    begunMs.push(performance.now());
    return { mine, events };
  });
  await waitFor('two turns', () => begunMs.length === 2);
  await waitFor('the others', () => begunMs.length === 4);
  const [first = 0, second = 0, third = 0] = begunMs;
  assert.ok(third - first > 90 && third - second >= 0, begunMs.join(' '));
  for (const { mine, events } of await Promise.all(begun)) {
    assert.equal(events.length, 1);
    await mine.commit([], 1);
    // A turn that is over lets others begin at once: as many as there are partitions do, one after the other.
    mine.wake();
    assert.deepEqual(await mine.next(10), []);
    await mine.commit([], 1);
  }
});

// ── positions ───────────────────────────────────────────────────────────────────────────────────────────────

test('a position that lies before what the topic still has is moved on to its start', SHARED, async (t) => {
  const prefix = uniquePrefix();
  const log = await openLog(t, { prefix, partitions: 1 });
  await log.append([1, 2, 3].map((n) => changed('a', n)));
  const { admin } = await operator(t);
  await admin.fetchTopicOffsets(`${prefix}organizations`);
  const forgotten = [{ partition: 0, offset: '2' }];
  await admin.deleteTopicRecords({ topic: `${prefix}organizations`, partitions: forgotten });
  assert.deepEqual(numbersOf(await all(log, 'organizations')), [3]);
  const partition = await joinByHand(log, 'organizations').partition(0);
  assert.deepEqual(numbersOf(await take(partition, 1)), [3]);
});

test('to read on behind the end of a topic is refused: it is another one', SHARED, async (t) => {
  const log = await openLog(t, { prefix: uniquePrefix(), partitions: 1 });
  const following = log.follow('organizations', { from: { 0: 7 }, signal: new AbortController().signal });
  await assert.rejects(following[Symbol.asyncIterator]().next(), {
    code: 'LOG_REFUSED',
    message: /organizations, partition 0, ends at 0, and was to be read from 7/,
  });
});

// ── a broker of one's own ───────────────────────────────────────────────────────────────────────────────────

test('while the broker is away nothing is accepted; when it is back, everybody goes on', OWN, async (t) => {
  const broker = await startBroker(t);
  const log = await openLog(t, { url: broker.url, prefix: uniquePrefix(), partitions: 1 });
  const { owned } = joinAgain(log);
  const followed: number[] = [];
  const stopping = new AbortController();
  await waitFor('the ownership', () => owned.length === 1);
  await log.append([changed('a', 1)]);
  await waitFor('its commit', async () => (await all(log, 'outbound')).length === 1);

  await broker.stop('SIGKILL');
  const following = log.follow('organizations', { signal: stopping.signal })[Symbol.asyncIterator]();
  await Promise.all(
    [
      log.append([changed('a', 2)]),
      log.ends('organizations'),
      all(log, 'organizations'),
      following.next(),
    ].map((asked) => assert.rejects(asked, LogUnavailable)),
  );

  await broker.start();
  await waitFor('an append', () => log.append([changed('a', 3)]).then(Boolean, isUnavailable), 60_000);
  await waitFor('it to be worked off', async () => (await all(log, 'outbound')).length >= 2, 60_000);
  for await (const { events } of log.follow('organizations', { signal: stopping.signal })) {
    followed.push(...numbersOf(events));
    if (followed.includes(3)) break;
  }
  assert.equal(followed[0], 1);
});

/** False for an error that passes; throws any other. */
function isUnavailable(error: unknown): false {
  if (error instanceof LogUnavailable) return false;
  throw error;
}

test(
  'a commit that was cut off by a crash of the broker is done once, when it is made again',
  OWN,
  async (t) => {
    const broker = await startBroker(t);
    const log = await openLog(t, {
      url: broker.url,
      prefix: uniquePrefix(),
      partitions: 1,
      sessionMs: 60_000,
    });
    const partition = await joinByHand(log, 'organizations').partition(0);
    let committed = 0;
    for (let round = 0; round < 3; round++) {
      // Commits one after the other, until one meets the crash; that one is made again until it is done.
      const crashAt = committed + 5;
      let crashed: Promise<void> | undefined;
      for (; crashed === undefined || committed < crashAt + 5; committed++) {
        const out = [started('a', committed)];
        if (committed === crashAt) crashed = broker.stop('SIGKILL').then(() => broker.start());
        await waitFor(
          `commit ${committed}`,
          () => partition.commit(out, 0).then(() => true, isUnavailable),
          60_000,
        );
      }
      await crashed;
    }
    assert.deepEqual(
      numbersOf(await all(log, 'outbound')),
      Array.from({ length: committed }, (_, n) => n),
    );
  },
);

test(
  'what was committed just before a crash of the broker can be read after it, also where nothing more is committed',
  OWN,
  async (t) => {
    const broker = await startBroker(t);
    const prefix = uniquePrefix();
    const log = await openLog(t, { url: broker.url, prefix, partitions: 1, sessionMs: 60_000 });
    const partition = await joinByHand(log, 'organizations').partition(0);
    for (let round = 1; round <= 3; round++) {
      await partition.commit([started('a', round)], 0);
      await broker.stop('SIGKILL');
      await broker.start();
      const numbers = Array.from({ length: round }, (_, n) => n + 1);
      await waitFor(
        `${round} events`,
        () =>
          all(log, 'outbound').then((events) => numbersOf(events).length >= numbers.length, isUnavailable),
        60_000,
      );
      assert.deepEqual(numbersOf(await all(log, 'outbound')), numbers);
    }
  },
);

test('TLS and SCRAM let in who has the certificate and the password', OWN, async (t) => {
  const broker = await startBroker(t, { tls: true, users: { ann: 'secret' } });
  const prefix = uniquePrefix();
  const tls = { caFile: broker.ca?.file };
  const admin = { mechanism: 'plain', username: 'admin', password: 'admin-secret' } as const;
  const log = await openLog(t, { url: broker.url, prefix, partitions: 1, tls, sasl: admin });
  await log.append([changed('a', 1)]);
  assert.deepEqual(numbersOf(await all(log, 'organizations')), [1]);

  const refused = (options: object, message: RegExp) =>
    assert.rejects(openLog(t, { url: broker.url, prefix, tls, sasl: admin, ...options }), (error: Error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n|secret|wrong/);
      assert.ok(error instanceof LogRefused || error instanceof LogUnavailable);
      return true;
    });
  const scram = { mechanism: 'scram-sha-512', username: 'ann', password: 'secret' } as const;
  await refused({ sasl: { ...scram, password: 'wrong' } }, /login was refused/);
  await refused({ sasl: { ...admin, password: 'wrong' } }, /login was refused/);
  await refused({ sasl: undefined }, /Kafka/);
  await refused({ tls: { caFile: undefined } }, /certificate/);
  await refused({ tls: { caFile: '/nowhere.pem' } }, /HOOKLANE_KAFKA_CA/);
  // Let in, and allowed nothing.
  await refused({ sasl: scram }, /not allowed|authorized/i);
});

test('a right that is missing is named at the start', OWN, async (t) => {
  const broker = await startBroker(t, { users: { ann: 'secret' } });
  const prefix = uniquePrefix();
  const admin = { mechanism: 'plain', username: 'admin', password: 'admin-secret' } as const;
  await openLog(t, { url: broker.url, prefix, partitions: 1, sasl: admin });
  const kafka = new Kafka({
    brokers: [broker.url.slice('kafka://'.length)],
    sasl: admin,
    logLevel: logLevel.NOTHING,
  });
  const tool = kafka.admin();
  await tool.connect();
  t.after(() => tool.disconnect());
  const allow = (resourceName: string, operation: number, resourceType = 2, resourcePatternType = 3) =>
    tool.createAcls({
      acl: [
        {
          ...{ resourceType, resourceName, resourcePatternType, operation },
          principal: 'User:ann',
          host: '*',
          permissionType: 3,
        },
      ],
    });
  const READ = 3;
  const WRITE = 4;
  const DESCRIBE_CONFIGS = 10;
  const PREFIXED = 4;
  const sasl = { mechanism: 'scram-sha-256', username: 'ann', password: 'secret' } as const;
  for (const topic of ['inbound', 'organizations', 'outbound', 'lanes'])
    await allow(`${prefix}${topic}`, READ);
  await allow(prefix, DESCRIBE_CONFIGS, 2, PREFIXED);
  await allow(`${prefix}inbound`, WRITE);
  await assert.rejects(openLog(t, { url: broker.url, prefix, sasl }), {
    code: 'LOG_REFUSED',
    message: `Kafka: WRITE on topic ${prefix}organizations is not allowed`,
  });
});

test('an address where nobody is, is named at the start', SHARED, async (t) => {
  await assert.rejects(openLog(t, { url: 'kafka://127.0.0.1:9', prefix: uniquePrefix() }), {
    code: 'LOG_UNAVAILABLE',
    message: /^Kafka cannot be reached at 127\.0\.0\.1:9: connect ECONNREFUSED 127\.0\.0\.1:9$/,
  });
  await assert.rejects(openLog(t, { url: 'kafka://nowhere.invalid', prefix: uniquePrefix() }), {
    message:
      /^Kafka cannot be reached at nowhere\.invalid:9092: getaddrinfo (ENOTFOUND|EAI_AGAIN) nowhere\.invalid$/,
  });
});
