// A job of a server: begun, followed until it has ended, and cancelled when whoever waits for it is stopped.

import { setTimeout as delay } from 'node:timers/promises';
import type { Job } from '../command/jobs.ts';
import { hasShape, type Shape } from './answer-shape.ts';
import { CommandFailed } from './failed.ts';
import { type Connection, PATIENT, stranger } from './remote-server.ts';

/** How often it is looked how far it is. */
const LOOK_EVERY_MS = 250;

export interface Followed<Report> {
  /** Of the jobs of this kind, below that of the API. */
  path: string;
  input: object;
  /** Of what is reported once it is done. */
  shape: Shape<Report>;
  onProgress: (report: Report) => void;
  signal: AbortSignal;
}

const JOB: Shape<Job> = { id: 'text', status: 'text' };

/** Resolves to what was reported last, once it is done. Rejects with CommandFailed, and the signal's reason. */
export async function followJob<Report extends object>(
  { url, ask }: Connection,
  { path, input, shape, onProgress, signal }: Followed<Report>,
): Promise<Report> {
  type Reported = Job & Report;
  let job = await ask<Reported>({ method: 'POST', path, input }, JOB, PATIENT);
  const own = `${path}/${job.id}`;
  while (job.status === 'running') {
    onProgress(job);
    // Rejects when it is stopped, which is looked at next.
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    job = await ask<Reported>({ method: signal.aborted ? 'DELETE' : 'GET', path: own }, JOB, PATIENT);
  }
  if (job.status === 'done' && !hasShape<object>(job, shape)) throw new CommandFailed(stranger(url));
  onProgress(job);
  if (job.status === 'done') return job;
  if (job.status === 'failed') throw new CommandFailed(String(job.error));
  signal.throwIfAborted();
  throw new CommandFailed(`${job.id} was cancelled by somebody else, or as the server was stopped`);
}
