import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  examineLog,
  examineViews,
  judgeEndpoints,
  judgeKeys,
  judgeLook,
  judgeNewest,
  judgeServerClock,
  judgeViews,
} from '../../../src/cli/doctor/stores.ts';
import { loadConfig } from '../../../src/config.ts';
import { openSqliteLog } from '../../../src/log/sqlite.ts';
import { openLog, openViews } from '../../../src/open.ts';
import { projections } from '../../../src/projections/all.ts';
import { createSecretBox, type MasterKeys } from '../../../src/secrets.ts';
import * as facts from '../../projections/facts.ts';
import { startBroker } from '../../support/broker.ts';
import { temporaryDirectory } from '../../support/directory.ts';
import { kafkaUrl, missing, missingOwn, uniquePrefix } from '../../support/engines.ts';
import { startMongod } from '../../support/mongod.ts';
import { freePort } from '../../support/server.ts';
import { emptyDatabase } from '../../views/mongo-database.ts';

const NOW_MS = facts.AT_MS + 1_000;
const masterKeys: MasterKeys = [Buffer.alloc(32, 7)];
const other = Buffer.alloc(32, 8);
const sealed = createSecretBox(masterKeys).seal('whsec_hush');

type Checks = readonly { state: string; name: string }[];
const states = (checks: Checks) => checks.map(({ state, name }) => `${state} ${name}`);

test('the master key must fit what was sealed, where something was', () => {
  assert.equal(judgeKeys([], undefined).state, 'ok');
  assert.equal(judgeKeys([sealed], masterKeys).state, 'ok');
  assert.equal(judgeKeys([sealed], 'unknown').state, 'warning');
  for (const [text, key] of [
    [sealed, [other]],
    [sealed, undefined],
    ['rubbish', masterKeys],
    [sealed.slice(0, -4), masterKeys],
  ] as const) {
    const { state, mend } = judgeKeys([text], key);
    assert.equal(state, 'problem');
    assert.match(mend ?? '', /from a backup/);
  }
});

test('an event from the future tells of clocks that differ', () => {
  const state = (aheadMs: number) => judgeNewest(NOW_MS + aheadMs, NOW_MS).state;
  assert.deepEqual(
    [state(-1e9), state(2_000), state(2_001), state(60_001)],
    ['ok', 'ok', 'warning', 'problem'],
  );
  assert.match(judgeNewest(NOW_MS + 65_000, NOW_MS).detail, /1m 5s after what this clock shows/);
  const ofServer = (aheadMs: number) => judgeServerClock('x', aheadMs);
  assert.deepEqual([ofServer(2_000).state, ofServer(-2_001).state], ['ok', 'warning']);
  assert.match(ofServer(-5_000).detail, /5s behind this one/);
});

test('endpoints of http are a problem in production, unless they are allowed', () => {
  const health = { active: 3, failing: 0, disabled: 0, plain: 1, worst: [] };
  const state = (production: boolean, allowHttp: boolean, plain = 1) =>
    judgeEndpoints({ ...health, plain }, { production, allowHttp })[0]?.state;
  assert.deepEqual([state(false, false), state(true, false, 0)], ['ok', 'ok']);
  assert.deepEqual([state(true, true), state(true, false)], ['warning', 'problem']);
});

test('read models of a newer release are a problem, those of an older one are to be made anew', () => {
  const now = new Map(projections.map(({ definition: { name, version } }) => [name, version]));
  const look = (changes: [string, number][]) => ({
    ...{ versions: new Map([...now, ...changes]), server: undefined, serverAtMs: undefined },
  });
  assert.deepEqual(states(judgeViews(look([]), 0)), ['ok store', 'ok versions']);
  const [, older] = judgeViews(look([['endpoints', 1]]), 0);
  assert.deepEqual([older?.state, older?.mend], ['warning', 'hooklane replay endpoints']);
  assert.deepEqual(states(judgeViews(look([['endpoints', 99]]), 0)), ['ok store', 'problem versions']);
});

test('topics that are all missing are made; where some are missing, rights are', () => {
  const all = { brokers: 3, there: ['a', 'b'], missing: [] };
  assert.deepEqual(judgeLook(all, 'h.').isThere, true);
  assert.deepEqual(states(judgeLook({ ...all, there: [], missing: ['a'] }, 'h.').checks), [
    'ok brokers',
    'warning topics',
  ]);
  assert.deepEqual(states(judgeLook({ ...all, missing: ['c'] }, 'h.').checks), [
    'ok brokers',
    'problem topics',
  ]);
});

// ── SQLite ──────────────────────────────────────────────────────────────────────────────────────────────────

test('a log that is there is looked at: its key, its clock, whether it is served', async (t) => {
  const directory = temporaryDirectory(t);
  const config = loadConfig({ HOOKLANE_DATA: directory });
  assert.deepEqual(states((await examineLog(config, { masterKeys, nowMs: NOW_MS })).checks), ['ok log']);
  assert.deepEqual(states(await examineViews(config, { log: true, nowMs: NOW_MS })), ['ok store']);
  assert.ok(!existsSync(join(directory, 'log.db')) && !existsSync(join(directory, 'views.db')));

  const log = openSqliteLog({ directory, serve: true });
  t.after(() => log.close());
  await log.append([facts.organizationCreated({ secret: sealed })]);
  const well = await examineLog(config, { masterKeys, nowMs: NOW_MS });
  assert.deepEqual(states(well.checks), ['ok log', 'ok master key', 'ok clock and log', 'ok endpoints']);
  assert.equal(well.served, true);
  const ill = await examineLog(config, { masterKeys: [other], nowMs: facts.AT_MS - 3_600_000 });
  const problems = ['ok log', 'problem master key', 'problem clock and log', 'ok endpoints'];
  assert.deepEqual(states(ill.checks), problems);
  await (await openViews(config)).close();
  assert.deepEqual(states(await examineViews(config, { log: true, nowMs: NOW_MS })), [
    'ok store',
    'ok versions',
  ]);
});

test('files that are not ours, or are broken, are told', async (t) => {
  const directory = temporaryDirectory(t);
  const config = loadConfig({ HOOKLANE_DATA: directory });
  for (const name of ['log.db', 'views.db']) writeFileSync(join(directory, name), 'no database '.repeat(100));
  const { checks, served } = await examineLog(config, { masterKeys, nowMs: NOW_MS });
  assert.deepEqual([states(checks), served], [['problem log'], undefined]);
  assert.match(checks[0]?.detail ?? '', /log\.db is not a SQLite database/);
  assert.deepEqual(states(await examineViews(config, { log: true, nowMs: NOW_MS })), ['problem store']);
});

test('read models without the log that they were made from are a problem', async (t) => {
  const config = loadConfig({ HOOKLANE_DATA: temporaryDirectory(t) });
  const none = await examineLog(config, { masterKeys, nowMs: NOW_MS });
  assert.deepEqual([none.isThere, states(none.checks)], [false, ['ok log']]);
  const look = async () => states(await examineViews(config, { log: none.isThere, nowMs: NOW_MS }));
  assert.deepEqual(await look(), ['ok store']);
  await (await openViews(config)).close();
  assert.deepEqual(await look(), ['ok store', 'ok versions', 'problem log of them']);
});

test('read models that cannot be written are not to be deleted, those that are broken are', async (t) => {
  const directory = temporaryDirectory(t);
  const config = loadConfig({ HOOKLANE_DATA: directory });
  const mend = async () => (await examineViews(config, { log: true, nowMs: NOW_MS }))[0]?.mend ?? '';
  writeFileSync(join(directory, 'views.db'), 'no database '.repeat(100));
  assert.match(await mend(), /move views\.db away/);
  rmSync(join(directory, 'views.db'));
  await (await openViews(config)).close();
  // What keeps a file from being used, whoever asks: its journal is no file.
  mkdirSync(join(directory, 'views.db-wal'));
  assert.match(await mend(), /rights, or make room/);
});

// ── Kafka and MongoDB ───────────────────────────────────────────────────────────────────────────────────────

test('topics that are not there are not made; those that are there are looked at', {
  skip: missing('kafka'),
}, async (t) => {
  const env = {
    HOOKLANE_DATA: temporaryDirectory(t),
    HOOKLANE_LOG: kafkaUrl,
    HOOKLANE_TOPIC_PREFIX: uniquePrefix(),
  };
  const config = loadConfig({ ...env, HOOKLANE_PARTITIONS: '2' });
  const look = async () => states((await examineLog(config, { masterKeys, nowMs: NOW_MS })).checks);
  assert.deepEqual(await look(), ['ok brokers', 'warning topics']);
  assert.deepEqual(await look(), ['ok brokers', 'warning topics']);
  const log = await openLog(config, { serve: true });
  t.after(() => log.close());
  await log.append([facts.organizationCreated({ secret: sealed })]);
  assert.deepEqual(await look(), [
    'ok brokers',
    'ok log',
    'ok master key',
    'ok clock and log',
    'ok endpoints',
  ]);
  const other = loadConfig({ ...env, HOOKLANE_PARTITIONS: '3' });
  const { checks } = await examineLog(other, { masterKeys, nowMs: NOW_MS });
  assert.deepEqual(states(checks), ['problem log']);
  assert.match(checks[0]?.detail ?? '', /HOOKLANE_PARTITIONS says 3/);
});

test('a login that is refused, rights that are missing, and brokers that are away are told, without the password', {
  skip: missingOwn('kafka'),
}, async (t) => {
  const broker = await startBroker(t, { users: { ann: 'hush' } });
  const prefix = uniquePrefix();
  const look = async (env: Record<string, string>) => {
    const place = { HOOKLANE_LOG: broker.url, HOOKLANE_TOPIC_PREFIX: prefix, HOOKLANE_PARTITIONS: '1' };
    const config = loadConfig({ HOOKLANE_DATA: temporaryDirectory(t), ...place, ...env });
    const { checks, served } = await examineLog(config, { masterKeys, nowMs: NOW_MS });
    assert.ok(!JSON.stringify(checks).includes('hush'));
    return { checks, served, config };
  };
  const login = (username: string, password: string) => ({
    ...{ HOOKLANE_KAFKA_USERNAME: username, HOOKLANE_KAFKA_PASSWORD: password, HOOKLANE_KAFKA_SASL: 'plain' },
  });
  const refused = await look(login('ann', 'hush wrong'));
  assert.match(refused.checks[0]?.detail ?? '', /login was refused/);
  assert.equal(refused.served, undefined);
  const { config } = await look(login('admin', 'admin-secret'));
  await (await openLog(config, { serve: false })).close();
  assert.deepEqual(states((await look(login('admin', 'admin-secret'))).checks).slice(0, 2), [
    'ok brokers',
    'ok log',
  ]);
  // Let in, and allowed nothing: the topics are there, and cannot be seen.
  assert.deepEqual(states((await look(login('ann', 'hush'))).checks), ['ok brokers', 'warning topics']);
  const away = await look({ HOOKLANE_LOG: `kafka://127.0.0.1:${await freePort()}` });
  assert.match(away.checks[0]?.detail ?? '', /cannot be reached/);
});

test('MongoDB is looked at, and nothing is made there', { skip: missing('mongodb') }, async (t) => {
  const config = loadConfig({ HOOKLANE_DATA: temporaryDirectory(t), HOOKLANE_VIEWS: emptyDatabase(t) });
  const look = async () =>
    (await examineViews(config, { log: true, nowMs: Date.now() })).map(
      ({ state, name }) => `${state} ${name}`,
    );
  const [store, clock, ...rest] = await look();
  assert.deepEqual([store, rest], ['ok store', []]);
  assert.match(clock ?? '', /^ok clock of MongoDB \d/);
  await (await openViews(config)).close();
  assert.deepEqual((await look())[1], 'ok versions');
});

test('a MongoDB that is away, or refuses the login, is told, without the password', {
  skip: missingOwn('mongodb'),
}, async (t) => {
  const look = async (url: string) => {
    const config = loadConfig({ HOOKLANE_DATA: temporaryDirectory(t), HOOKLANE_VIEWS: url });
    const checks = await examineViews(config, { log: true, nowMs: NOW_MS });
    assert.deepEqual(states(checks), ['problem store']);
    assert.ok(!JSON.stringify(checks).includes('hush'));
    return checks[0]?.detail ?? '';
  };
  assert.match(await look(`mongodb://127.0.0.1:${await freePort()}/x`), /cannot be reached/);
  const { url } = await startMongod(t, { auth: true });
  const at = url.replace('mongodb://', '').replace(/\/.*$/, '');
  assert.match(
    await look(`mongodb://admin:hush@${at}/x?authSource=admin&directConnection=true`),
    /refused the login/,
  );
});
