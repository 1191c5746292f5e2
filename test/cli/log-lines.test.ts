// The server's own log where it cannot be written: nothing waits for it, nothing fails by it, and it is told of.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openLogLines } from '../../src/cli/log-lines.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { fill, mountedDirectory } from '../support/small-disk.ts';
import { waitFor } from '../support/wait.ts';

const LONG = `${'x'.repeat(999)}\n`;

function opened(t: TestContext, path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  t.after(() => closeSync(fd));
  return fd;
}

const toLine = (dropped: number) => `dropped ${dropped}\n`;

test('lines are written in their order, and at once when the process ends', async (t) => {
  const path = join(temporaryDirectory(t), 'log');
  const lines = openLogLines(opened(t, path, 'a'), toLine);
  for (let n = 0; n < 1_000; n++) lines.write(`${n}\n`);
  const expected = Array.from({ length: 1_000 }, (_, n) => `${n}\n`).join('');
  await waitFor('all lines', () => readFileSync(path, 'utf8') === expected);
  lines.write('the first of a piece is on its way\n');
  lines.write('last\n');
  lines.flushSync();
  assert.match(readFileSync(path, 'utf8'), /\nlast\n/);
});

const fifos = { skip: spawnSync('mkfifo', ['--version']).error !== undefined && 'there is no mkfifo here' };

test(
  'while nobody reads, a bounded number of lines waits; then it is told how many were dropped',
  fifos,
  async (t) => {
    const path = join(temporaryDirectory(t), 'fifo');
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    const { O_RDWR, O_NONBLOCK } = constants;
    const fd = opened(t, path, O_RDWR | O_NONBLOCK);
    const lines = openLogLines(fd, toLine);
    const written = 3_000;
    for (let n = 0; n < written; n++) lines.write(LONG);
    let text = '';
    const told = await waitFor('the rest', () => {
      const chunk = Buffer.alloc(65_536);
      try {
        text += chunk.toString('utf8', 0, readSync(fd, chunk));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
      return /dropped (\d+)\n$/.exec(text) ?? undefined;
    });
    const dropped = Number(told[1]);
    assert.ok(dropped > 0 && dropped < written, `${dropped} were dropped`);
    assert.equal(text, LONG.repeat(written - dropped) + toLine(dropped));
  },
);

test('on a full disk lines are dropped, and told of when there is room again', async (t) => {
  const directory = mountedDirectory(t, 'size=256k');
  if (directory === undefined) {
    t.skip('no file system can be mounted here');
    return;
  }
  const filler = join(directory, 'filler');
  const path = join(directory, 'log');
  const lines = openLogLines(opened(t, path, 'a'), toLine);
  fill(filler);
  let written = 0;
  // The first few may find room in what is left of a page; each is tried before the next one is written.
  await waitFor('many lines to be tried', () => {
    lines.write(LONG);
    return ++written === 50;
  });
  rmSync(filler);
  const text = await waitFor('it to be told', () => {
    written++;
    lines.write(LONG);
    const found = readFileSync(path, 'utf8');
    return /dropped \d+\n/.test(found) && found;
  });
  const [, dropped] = /^dropped (\d+)$/m.exec(text) ?? [];
  assert.ok(Number(dropped) > 0 && Number(dropped) <= written, `${dropped} were dropped of ${written}`);
  assert.match(text, /^(x*\n|dropped \d+\n)+$/);
});
