// The admin token and the master key: given, made once, kept, never written over.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { InvalidConfig } from '../src/config.ts';
import { addMasterKey } from '../src/key-file.ts';
import { loadKeys, masterKeyFile, openSecretBox } from '../src/keys.ts';
import { sealedUnder } from '../src/secrets.ts';
import { temporaryDirectory } from './support/directory.ts';

const GIVEN = { adminToken: 'an-admin-token-given', masterKeys: [Buffer.alloc(32, 7)] as const };
const NOT_GIVEN = { adminToken: undefined, masterKeys: undefined };

test('keys that are configured are used, and nothing is written', (t) => {
  const dataDirectory = join(temporaryDirectory(t), 'data');
  assert.deepEqual(loadKeys({ dataDirectory, ...GIVEN }), GIVEN);
  assert.throws(() => statSync(dataDirectory), { code: 'ENOENT' });
});

test('missing keys are made once and then read again', (t) => {
  const dataDirectory = join(temporaryDirectory(t), 'deep', 'data');
  const made = loadKeys({ dataDirectory, ...NOT_GIVEN });
  assert.match(made.adminToken, /^admin_[\w-]{32}$/);
  assert.equal(made.masterKeys[0].length, 32);
  assert.deepEqual(loadKeys({ dataDirectory, ...NOT_GIVEN }), made);
  assert.deepEqual(readdirSync(dataDirectory).sort(), ['admin-token', 'master-key']);
});

test('only the owner may read them', {
  skip: process.platform === 'win32' && 'Windows has no modes',
}, (t) => {
  const dataDirectory = join(temporaryDirectory(t), 'data');
  loadKeys({ dataDirectory, ...NOT_GIVEN });
  for (const name of ['admin-token', 'master-key']) {
    assert.equal(statSync(join(dataDirectory, name)).mode & 0o777, 0o600, name);
  }
  assert.equal(statSync(dataDirectory).mode & 0o777, 0o700);
});

test('processes that start at once end with the same keys', async (t) => {
  // Each goes through many directories: whoever makes the keys of one falls back, so that they keep meeting.
  const parent = temporaryDirectory(t);
  const directories = Array.from({ length: 100 }, (_, n) => join(parent, String(n)));
  const script = `
    import { text } from 'node:stream/consumers';
    import { loadKeys } from ${JSON.stringify(import.meta.resolve('../src/keys.ts'))};
    console.error('ready');
    const directories = JSON.parse(await text(process.stdin));
    console.log(JSON.stringify(directories.map((dataDirectory) => loadKeys({ dataDirectory }))));
  `;
  const children = Array.from({ length: 3 }, () =>
    spawn(process.execPath, ['--input-type=module', '--eval', script]),
  );
  t.after(() => children.map((child) => child.kill()));
  await Promise.all(children.map((child) => once(child.stderr, 'data')));
  const outputs = children.map((child) => json(child.stdout));
  for (const child of children) child.stdin.end(JSON.stringify(directories));
  const [first, ...others] = await Promise.all(outputs);
  assert.ok(Array.isArray(first) && first.length === directories.length);
  for (const other of others) assert.deepEqual(other, first);
  for (const directory of directories) {
    assert.deepEqual(readdirSync(directory).sort(), ['admin-token', 'master-key']);
  }
});

for (const [name, content] of [
  ['admin-token', ''],
  ['admin-token', 'short\n'],
  ['master-key', ''],
  ['master-key', 'bm90IDMyIGJ5dGVz\n'],
] as const) {
  test(`the file ${name} with ${content === '' ? 'nothing' : 'something else'} in it is refused and left as it is`, (t) => {
    const dataDirectory = temporaryDirectory(t);
    const path = join(dataDirectory, name);
    writeFileSync(path, content);
    assert.throws(
      () => loadKeys({ dataDirectory, ...NOT_GIVEN }),
      (error) =>
        error instanceof InvalidConfig && error.message.startsWith(`${path} does not hold what it should`),
    );
    assert.equal(readFileSync(path, 'utf8'), content);
  });
}

test('a data directory that cannot be used is said so, with the path', (t) => {
  const dataDirectory = temporaryDirectory(t);
  mkdirSync(join(dataDirectory, 'admin-token'));
  assert.throws(() => loadKeys({ dataDirectory, ...NOT_GIVEN }), {
    code: 'INVALID_CONFIG',
    message: /admin-token cannot be read or made: EISDIR/,
  });
  writeFileSync(join(dataDirectory, 'file'), '');
  assert.throws(() => loadKeys({ dataDirectory: join(dataDirectory, 'file'), ...NOT_GIVEN }), {
    code: 'INVALID_CONFIG',
    message: /cannot be read or made: E(NOTDIR|EXIST)/,
  });
});

test('a file with several master keys has one a line, the one that seals first', (t) => {
  const dataDirectory = temporaryDirectory(t);
  const lines = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'));
  writeFileSync(join(dataDirectory, 'master-key'), `${lines.join('\r\n')}\n`);
  const { masterKeys } = loadKeys({ dataDirectory, ...NOT_GIVEN });
  assert.deepEqual(masterKeys, [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]);
  writeFileSync(join(dataDirectory, 'master-key'), `${[...lines, lines[0]].join('\n')}\n`);
  assert.throws(() => loadKeys({ dataDirectory, ...NOT_GIVEN }), { code: 'INVALID_CONFIG' });
});

test('a box goes with the file, and keeps its keys where that is gone', (t) => {
  const dataDirectory = temporaryDirectory(t);
  const config = { dataDirectory, ...NOT_GIVEN };
  const { masterKeys } = loadKeys(config);
  const box = openSecretBox(config, masterKeys);
  const before = box.keyId;
  const made = addMasterKey(masterKeyFile(config));
  assert.equal(sealedUnder(box.seal('x')), made);
  assert.deepEqual(box.keyIds, [made, before]);
  rmSync(masterKeyFile(config));
  assert.equal(sealedUnder(box.seal('x')), before);
  assert.deepEqual(readdirSync(dataDirectory), ['admin-token', 'master-key.lock']);
});
