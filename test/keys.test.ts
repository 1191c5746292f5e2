// The admin token and the master key: given, made once, kept, never written over.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { InvalidConfig } from '../src/config.ts';
import { loadKeys } from '../src/keys.ts';
import { temporaryDirectory } from './support/directory.ts';

const GIVEN = { adminToken: 'an-admin-token-given', masterKey: Buffer.alloc(32, 7) };
const NOT_GIVEN = { adminToken: undefined, masterKey: undefined };

test('keys that are configured are used, and nothing is written', (t) => {
  const dataDirectory = join(temporaryDirectory(t), 'data');
  assert.deepEqual(loadKeys({ dataDirectory, ...GIVEN }), GIVEN);
  assert.throws(() => statSync(dataDirectory), { code: 'ENOENT' });
});

test('missing keys are made once and then read again', (t) => {
  const dataDirectory = join(temporaryDirectory(t), 'deep', 'data');
  const made = loadKeys({ dataDirectory, ...NOT_GIVEN });
  assert.match(made.adminToken, /^admin_[\w-]{32}$/);
  assert.equal(made.masterKey.length, 32);
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
