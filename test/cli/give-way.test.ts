import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { startProjectorThread } from '../../src/cli/projector-thread.ts';
import { doInThread } from '../../src/cli/task-thread.ts';
import { loadConfig } from '../../src/config.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';

const skip = process.platform !== 'linux' && 'needs Linux';

/** How nice each thread of this process is, beyond what the process is. Source: proc_pid_stat(5), the 19th field. */
function niceness(): number[] {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    try {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [Number(fields[16]) - getPriority(process.pid)];
    } catch {
      // It has ended since.
      return [];
    }
  });
}

const nicer = () => niceness().filter((nice) => nice !== 0);

test('the thread of the projector gives way, and no other does', { skip }, async (t) => {
  const config = loadConfig({ HOOKLANE_DATA: temporaryDirectory(t) });
  const before = getPriority(process.pid);
  const projector = startProjectorThread(config, 'silent');
  await projector.opened;
  assert.deepEqual(nicer(), [5]);
  await projector.close();
  assert.equal(getPriority(process.pid), before);
});

test('the thread of a task gives way further', { skip }, async (t) => {
  const config = loadConfig({ HOOKLANE_DATA: temporaryDirectory(t) });
  let seen: number[] = [];
  const task = { type: 'replay' as const, views: [], verify: false };
  const done = doInThread(config, task, { onReport: () => {}, signal: new AbortController().signal });
  await waitFor('the thread to be nicer', () => {
    seen = nicer();
    return seen.length > 0;
  });
  await done;
  assert.deepEqual(seen, [10]);
});
