// The machine: versions, clock, disk and files that may be open. Judged apart from where it is asked.

import { readFileSync, statfsSync } from 'node:fs';
import { readableSize } from '../../size.ts';
import { VERSION } from '../../version.ts';
import { type Check, checksOf, reasonOf } from './check.ts';

export interface Machine {
  node: string;
  nowMs: number;
  disk: Disk | { error: string };
  /** Files that this process may have open; undefined: the system does not say. */
  openFiles: number | undefined;
}

export interface Disk {
  path: string;
  freeBytes: number;
  totalBytes: number;
}

/** No clock is before the release that asks it. */
const RELEASED_MS = Date.UTC(2026, 0, 1);
/** Less is a problem: the log is refused when there is none. */
const LEAST_FREE_BYTES = 100 * 1024 * 1024;
const LITTLE_FREE_BYTES = 1024 * 1024 * 1024;
/** Of all of it. */
const LITTLE_FREE = 0.05;
/** Connections from senders, to subscribers and to stores are files as well. */
const FEW_OPEN_FILES = 4_096;

const { ok, warning, problem } = checksOf('machine');

export function judgeMachine({ node, nowMs, disk, openFiles }: Machine): Check[] {
  return [
    ok('versions', `Hooklane ${VERSION} on Node ${node}`),
    judgeClock(nowMs),
    judgeDisk(disk),
    ...judgeFiles(openFiles),
  ];
}

function judgeClock(nowMs: number): Check {
  const at = new Date(nowMs).toISOString();
  if (nowMs >= RELEASED_MS) return ok('clock', at);
  return problem('clock', `${at}, which is before this release was made`, 'set the clock: run NTP');
}

function judgeDisk(disk: Machine['disk']): Check {
  if ('error' in disk) return warning('disk', disk.error, 'see to it that the data directory can be reached');
  const { path, freeBytes, totalBytes } = disk;
  const detail = `${readableSize(freeBytes)} of ${readableSize(totalBytes)} are free at ${path}`;
  const mend = 'make room, or move the data directory: with a full disk posts are answered 503';
  if (freeBytes < LEAST_FREE_BYTES) return problem('disk', detail, mend);
  if (freeBytes < LITTLE_FREE_BYTES || freeBytes < LITTLE_FREE * totalBytes)
    return warning('disk', detail, mend);
  return ok('disk', detail);
}

function judgeFiles(openFiles: number | undefined): Check[] {
  if (openFiles === undefined) return [];
  const detail = `${openFiles === Number.POSITIVE_INFINITY ? 'any number of' : openFiles} files may be open at a time`;
  if (openFiles >= FEW_OPEN_FILES) return [ok('open files', detail)];
  const mend = `allow ${FEW_OPEN_FILES} or more: LimitNOFILE= of systemd, --ulimit nofile= of Docker, or ulimit -n`;
  return [warning('open files', detail, mend)];
}

// ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────

/** `path` is there. */
export function lookAtMachine(path: string, nowMs: number): Machine {
  return { node: process.versions.node, nowMs, disk: diskAt(path), openFiles: openFiles() };
}

/** How many files this process may have open; undefined: the system does not say. */
export function openFiles(): number | undefined {
  return openFilesIn(readLimits());
}

function diskAt(path: string): Machine['disk'] {
  try {
    const { bavail, blocks, bsize } = statfsSync(path);
    return { path, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    return { error: reasonOf(error) };
  }
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    // Only Linux has it.
    return '';
  }
}

/** From /proc/self/limits. Node has raised the soft limit to the hard one when it started. */
export function openFilesIn(limits: string): number | undefined {
  const [, soft] = /^Max open files +(\S+)/m.exec(limits) ?? [];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}
