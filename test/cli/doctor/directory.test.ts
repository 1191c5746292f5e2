import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  examineDirectory,
  type Found,
  judgeDirectory,
  judgeKeyFile,
  judgeStoreFile,
  nearestAbove,
} from '../../../src/cli/doctor/directory.ts';
import { loadConfig } from '../../../src/config.ts';
import { MASTER_KEYS } from '../../../src/config-rules.ts';
import { loadKeys } from '../../../src/keys.ts';
import { temporaryDirectory } from '../../support/directory.ts';

const ME = { uid: 1_000 };
const KEY = Buffer.alloc(32, 7).toString('base64');

function found(path: string, given: Partial<Found> = {}): Found {
  return { path, kind: 'directory', mode: 0o40700, uid: 1_000, readable: true, writable: true, ...given };
}

test('a data directory is judged by what it is, who may use it, and whose it is', () => {
  const cases: [Partial<Found>, above: Partial<Found>, state: string, detail: RegExp][] = [
    [{}, {}, 'ok', /^\/data$/],
    [{ kind: 'missing' }, {}, 'ok', /is made at the first start/],
    [{ kind: 'missing' }, { writable: false }, 'problem', /cannot be made in \/$/],
    [{ kind: 'missing' }, { kind: 'file' }, 'problem', /cannot be made in \/$/],
    [{ kind: 'file' }, {}, 'problem', /no directory/],
    [{ writable: false }, {}, 'problem', /may not be written/],
    [{ readable: false }, {}, 'problem', /may not be read/],
    [{ mode: 0o40770 }, {}, 'problem', /written by others \(mode 0770\)/],
    [{ mode: 0o40755 }, {}, 'warning', /read by others \(mode 0755\)/],
    [{ uid: 0 }, {}, 'warning', /belongs to user 0, and this is user 1000/],
    // A system without modes and users.
    [{ mode: undefined, uid: undefined }, {}, 'ok', /^\/data$/],
  ];
  for (const [given, above, state, detail] of cases) {
    const [check, ...others] = judgeDirectory(found('/data', given), found('/', above), ME);
    assert.equal(check?.state, state, JSON.stringify(given));
    assert.match(check?.detail ?? '', detail);
    assert.equal(check?.mend === null, state === 'ok');
    assert.deepEqual(others, []);
  }
});

test('a file with a key is judged by what it holds, and by who else may read it', () => {
  const how = { variable: 'HOOKLANE_MASTER_KEY', rule: MASTER_KEYS, isSet: false };
  const file = { kind: 'file', mode: 0o100600 } as const;
  const cases: [Partial<Found>, text: string | undefined, state: string, detail: RegExp][] = [
    [file, `${KEY}\n`, 'ok', /master-key$/],
    [{ kind: 'missing' }, undefined, 'ok', /is made at the first start/],
    [file, 'rubbish', 'problem', /does not hold what it should: exactly 32 bytes/],
    [file, undefined, 'problem', /cannot be read/],
    [{ kind: 'directory' }, undefined, 'problem', /cannot be read/],
    [{ ...file, mode: 0o100640 }, KEY, 'problem', /read by others \(mode 0640\)/],
    [{ ...file, mode: 0o100604 }, KEY, 'problem', /mode 0604/],
    [{ ...file, uid: 7 }, KEY, 'warning', /belongs to user 7/],
  ];
  for (const [given, text, state, detail] of cases) {
    const [check] = judgeKeyFile(how, { found: found('/data/master-key', given), text }, ME);
    assert.equal(check?.state, state, String(detail));
    assert.match(check?.detail ?? '', detail);
    assert.ok(!JSON.stringify(check).includes(KEY));
  }
  const wrong = { found: found('/data/master-key', { ...file, mode: 0o100666 }), text: 'rubbish' };
  assert.deepEqual(
    judgeKeyFile({ ...how, isSet: true }, wrong, ME).map(({ state }) => state),
    ['ok'],
  );
});

test('a file of a store must be one that can be written, if it is there', () => {
  const state = (given: Partial<Found>) => judgeStoreFile(found('/data/log.db', given))[0]?.state;
  assert.deepEqual([state({ kind: 'missing' }), state({ kind: 'file' })], [undefined, undefined]);
  assert.deepEqual([state({}), state({ kind: 'file', writable: false })], ['problem', 'problem']);
});

// ── real directories ────────────────────────────────────────────────────────────────────────────────────────

function examine(dataDirectory: string, env: Record<string, string> = {}, wrong: string[] = []) {
  const config = loadConfig({ HOOKLANE_DATA: dataDirectory, ...env });
  const { checks, masterKeys } = examineDirectory(config, new Set(wrong));
  return { masterKeys, checks, states: checks.map(({ name, state }) => `${state} ${name}`) };
}

function keptDirectory(t: TestContext): string {
  const directory = temporaryDirectory(t);
  loadKeys(loadConfig({ HOOKLANE_DATA: directory }));
  return directory;
}

test('what Hooklane has made is well, and its key is known', (t) => {
  const directory = keptDirectory(t);
  const { states, masterKeys } = examine(directory);
  assert.deepEqual(states, ['ok data directory', 'ok admin-token', 'ok master-key']);
  assert.ok(Array.isArray(masterKeys) && masterKeys[0]?.length === 32);
});

test('a directory that is not there is not made', (t) => {
  const directory = join(temporaryDirectory(t), 'a', 'b');
  assert.deepEqual(examine(directory).states, ['ok data directory', 'ok admin-token', 'ok master-key']);
  assert.equal(examine(directory).masterKeys, undefined);
  assert.ok(!existsSync(join(directory, '..')));
  assert.equal(nearestAbove(directory), join(directory, '..', '..'));
});

test('rights that are too wide, keys that are none, and files in the place of others are found', (t) => {
  const directory = keptDirectory(t);
  chmodSync(directory, 0o777);
  chmodSync(join(directory, 'admin-token'), 0o644);
  writeFileSync(join(directory, 'master-key'), 'rubbish');
  mkdirSync(join(directory, 'log.db'));
  const { states, masterKeys, checks } = examine(directory);
  const wanted = ['problem data directory', 'problem admin-token', 'problem master-key', 'problem log.db'];
  assert.deepEqual(states, wanted);
  assert.equal(masterKeys, 'unknown');
  assert.equal(checks[1]?.mend, `chmod 600 ${join(directory, 'admin-token')}`);
  assert.deepEqual(readdirSync(directory).sort(), ['admin-token', 'log.db', 'master-key']);
});

test('a path through a file is no directory', (t) => {
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, '');
  assert.equal(examine(file).states[0], 'problem data directory');
  assert.equal(examine(join(file, 'below')).states[0], 'problem data directory');
});

test('a key that is set wrongly stands above a file, and nobody knows it', (t) => {
  const directory = keptDirectory(t);
  const { states, masterKeys } = examine(directory, {}, ['HOOKLANE_MASTER_KEY', 'HOOKLANE_ADMIN_TOKEN']);
  assert.deepEqual([states, masterKeys], [['ok data directory'], 'unknown']);
  assert.deepEqual(examine(directory, { HOOKLANE_MASTER_KEY: KEY }).masterKeys, [Buffer.alloc(32, 7)]);
});
