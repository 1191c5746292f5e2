// Jobs: work that takes longer than a request waits. A job is begun by one request, looked at and cancelled by others,
// and known to the process that does it: the newest hundred. One of a kind runs at a time; what the work is, and where
// it is done, is said by whoever begins it.
//
//     running ─▶ done | failed | cancelled

import { isExpected } from '../expected.ts';
import { newId, type Prefix } from '../ids.ts';
import { NotFound } from '../query/errors.ts';
import { type Clock, toIso } from '../time.ts';

/** A job as it is shown: together with what its work has reported last. */
export interface Job {
  id: string;
  status: 'running' | 'done' | 'failed' | 'cancelled';
  /** Why it failed, for people. */
  error?: string;
  startedAt: string;
  finishedAt?: string;
}

/** Resolves when it is done. `onReport` is told how far it is, the first time once it has begun. */
export type Work = (io: { onReport: (report: object) => void; signal: AbortSignal }) => Promise<unknown>;

export interface JobsOptions {
  /** What a job of this kind is called, and the prefix of its ids. */
  kind: string;
  prefix: Prefix;
  clock: Clock;
  /** Told of a failure that is our fault. */
  onFault: (error: unknown) => void;
}

export interface Jobs {
  /**
   * Begins one; resolves once it has begun. `report` is shown until it reports by itself. Rejects with JobRuns when it
   * cannot begin because the same is being done already, here or elsewhere.
   */
  start(report: object, work: Work): Promise<Job>;
  /** Newest first. */
  list(): Job[];
  /** Throws NotFound. */
  show(id: string): Job;
  /** Ends one that runs, and resolves when it has ended; of one that has ended already nothing changes. Throws NotFound. */
  cancel(id: string): Promise<Job>;
  /** Cancels what runs. */
  close(): Promise<void>;
}

/** So many are remembered. */
const MAX_KNOWN = 100;

/** What is asked for is being done already. */
export class JobRuns extends Error {
  readonly code = 'JOB_RUNS';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'JobRuns';
  }
}

interface Known {
  job: Job;
  aborting: AbortController;
  ended: Promise<void>;
}

export function createJobs({ kind, prefix, clock, onFault }: JobsOptions): Jobs {
  /** The oldest first. */
  const known = new Map<string, Known>();
  let isClosing = false;

  function find(id: string): Known {
    const found = known.get(id);
    if (found !== undefined) return found;
    const message = `there is no ${kind} ${JSON.stringify(id)} here; a server knows those it has begun since its start`;
    throw new NotFound(kind, id, message);
  }

  async function start(report: object, work: Work): Promise<Job> {
    const running = [...known.values()].find(({ job }) => job.status === 'running');
    if (running !== undefined) {
      throw new JobRuns(`a ${kind} runs already: ${running.job.id}; try again when it is done, or cancel it`);
    }
    const nowMs = clock();
    const id = newId(prefix, nowMs);
    const aborting = new AbortController();
    const begun = Promise.withResolvers<void>();
    const job: Job = { id, status: 'running', ...report, startedAt: toIso(nowMs) };
    const onReport = (latest: object) => {
      Object.assign(job, latest);
      begun.resolve();
    };

    async function run(): Promise<void> {
      try {
        await work({ onReport, signal: aborting.signal });
        job.status = 'done';
      } catch (error) {
        job.status = aborting.signal.aborted ? 'cancelled' : 'failed';
        if (job.status === 'failed') job.error = fail(error);
      }
      job.finishedAt = toIso(clock());
      begun.resolve();
    }

    function fail(error: unknown): string {
      if (isExpected(error)) {
        if (error.code === 'REBUILD_RUNS') begun.reject(new JobRuns(error.message));
        return error.message;
      }
      onFault(error);
      return 'Something went wrong here; it is logged.';
    }

    known.set(id, { job, aborting, ended: run() });
    if (isClosing) aborting.abort();
    try {
      await begun.promise;
    } catch (error) {
      known.delete(id);
      throw error;
    }
    for (const oldest of known.keys()) if (known.size > MAX_KNOWN) known.delete(oldest);
    return job;
  }

  async function cancel(id: string): Promise<Job> {
    const { job, aborting, ended } = find(id);
    aborting.abort();
    await ended;
    return job;
  }

  return {
    start,
    list: () => [...known.values()].map(({ job }) => job).reverse(),
    show: (id) => find(id).job,
    cancel,
    async close() {
      isClosing = true;
      await Promise.all([...known.keys()].map(cancel));
    },
  };
}
