import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJobs, JobRuns } from '../../src/command/jobs.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { NotFound } from '../../src/query/errors.ts';
import { RebuildRuns } from '../../src/views/views.ts';
import { waitFor } from '../support/wait.ts';

function begin() {
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  const jobs = createJobs({ kind: 'replay', prefix: 'rpl', clock: () => 1_000, onFault });
  const ended = (id: string) =>
    waitFor('the job to end', () => jobs.show(id).status !== 'running' && jobs.show(id));
  return { jobs, faults, ended };
}

test('a job shows what its work has reported last, and when it began and ended', async () => {
  const { jobs, ended } = begin();
  const gate = Promise.withResolvers<void>();
  const { id, ...rest } = await jobs.start({ verify: true, views: [] }, async ({ onReport }) => {
    onReport({ views: [1] });
    await gate.promise;
    onReport({ views: [2] });
  });
  const startedAt = '1970-01-01T00:00:01.000Z';
  assert.deepEqual(rest, { status: 'running', verify: true, views: [1], startedAt });
  gate.resolve();
  const { finishedAt, ...done } = await ended(id);
  assert.deepEqual(done, { id, status: 'done', verify: true, views: [2], startedAt });
  assert.equal(finishedAt, startedAt);
});

test('what fails says why, unless it is our fault: then it is told to us', async () => {
  const { jobs, faults, ended } = begin();
  const { id } = await jobs.start({}, () => Promise.reject(new LogUnavailable('the log is away')));
  assert.deepEqual([jobs.show(id).status, jobs.show(id).error], ['failed', 'the log is away']);
  const bug = new TypeError('undefined is not a function');
  const fault = await ended((await jobs.start({}, () => Promise.reject(bug))).id);
  assert.deepEqual([fault.status, /is not a function/.test(String(fault.error))], ['failed', false]);
  assert.deepEqual(faults, [bug]);
});

test('one that cannot begin is not known; one that is overtaken later has failed', async () => {
  const { jobs } = begin();
  const runs = new RebuildRuns('logs', 0);
  await assert.rejects(
    jobs.start({}, () => Promise.reject(runs)),
    JobRuns,
  );
  assert.deepEqual(jobs.list(), []);
  const { id } = await jobs.start({}, async ({ onReport }) => {
    onReport({});
    throw runs;
  });
  assert.equal((await jobs.cancel(id)).error, runs.message);
});

test('the newest hundred are remembered', async () => {
  const { jobs } = begin();
  const ids: string[] = [];
  for (let n = 0; n < 103; n++) ids.push((await jobs.start({}, async () => {})).id);
  assert.deepEqual(
    jobs.list().map(({ id }) => id),
    ids.slice(3).reverse(),
  );
  assert.throws(() => jobs.show(ids[2] ?? ''), NotFound);
});

test('closing cancels what runs, and what is begun after it', async () => {
  const { jobs } = begin();
  const endless = ({ onReport, signal }: { onReport: (report: object) => void; signal: AbortSignal }) =>
    new Promise<void>((_, reject) => {
      onReport({});
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  const { id } = await jobs.start({}, endless);
  await jobs.close();
  assert.equal(jobs.show(id).status, 'cancelled');
  const late = await jobs.start({}, endless);
  assert.equal((await jobs.cancel(late.id)).status, 'cancelled');
});
