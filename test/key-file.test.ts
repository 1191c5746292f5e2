import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MASTER_KEYS } from '../src/config-rules.ts';
import { addMasterKey, KeysRefused, removeMasterKey } from '../src/key-file.ts';
import { keyIdOf } from '../src/secrets.ts';
import { temporaryDirectory } from './support/directory.ts';

const KEY = Buffer.alloc(32, 7);

function fileWithKey(t: TestContext): string {
  const path = join(temporaryDirectory(t), 'master-key');
  writeFileSync(path, `${KEY.toString('base64')}\n`, { mode: 0o600 });
  return path;
}

function idsIn(path: string): string[] {
  return (MASTER_KEYS.parse(readFileSync(path, 'utf8').trim()) ?? []).map(keyIdOf);
}

test('a new key comes before the others, and nobody else may read it', (t) => {
  const path = fileWithKey(t);
  const first = addMasterKey(path);
  const second = addMasterKey(path);
  assert.deepEqual(idsIn(path), [second, first, keyIdOf(KEY)]);
  assert.deepEqual(readdirSync(join(path, '..')), ['master-key', 'master-key.lock']);
  if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('an old key is taken out; never the one that seals, nor one that is not there', (t) => {
  const path = fileWithKey(t);
  assert.throws(() => removeMasterKey(path, keyIdOf(KEY)), /seals: rotate first/);
  const made = addMasterKey(path);
  assert.throws(() => removeMasterKey(path, '00000000'), KeysRefused);
  removeMasterKey(path, keyIdOf(KEY));
  assert.deepEqual(idsIn(path), [made]);
});

test('a file with something else in it is left as it is, and no more keys are kept than may be', (t) => {
  const path = fileWithKey(t);
  for (let n = 1; n < 10; n++) addMasterKey(path);
  const before = readFileSync(path, 'utf8');
  assert.throws(() => addMasterKey(path), /remove old ones first/);
  assert.equal(readFileSync(path, 'utf8'), before);
  writeFileSync(path, 'rubbish');
  assert.throws(() => addMasterKey(path), /does not hold what it should/);
  assert.equal(readFileSync(path, 'utf8'), 'rubbish');
  assert.deepEqual(readdirSync(join(path, '..')), ['master-key', 'master-key.lock']);
});

test('of processes that add keys at once none loses the key of another, and all are made', async (t) => {
  const path = fileWithKey(t);
  const script = `
    import { addMasterKey } from ${JSON.stringify(import.meta.resolve('../src/key-file.ts'))};
    console.error('ready');
    process.stdin.once('data', () => {
      process.stdin.destroy();
      for (let n = 0; n < 3; n++) console.log(addMasterKey(${JSON.stringify(path)}));
    });
  `;
  const children = Array.from({ length: 3 }, () =>
    spawn(process.execPath, ['--input-type=module', '--eval', script]),
  );
  t.after(() => children.map((child) => child.kill()));
  let printed = '';
  for (const child of children) {
    child.stdout.on('data', (text) => {
      printed += text;
    });
  }
  await Promise.all(children.map((child) => once(child.stderr, 'data')));
  const ended = children.map((child) => once(child, 'close'));
  for (const child of children) child.stdin.end('go');
  await Promise.all(ended);
  const made = printed.split('\n').filter((line) => line !== '');
  assert.equal(made.length, 9);
  assert.deepEqual(new Set(idsIn(path)), new Set([...made, keyIdOf(KEY)]));
});
