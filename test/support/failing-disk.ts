// A disk that fails when a test says so: writes and syncs of one file of a server, by a library that is preloaded into
// it. Needs Linux and a C compiler.

import { spawnSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type Owner, temporaryDirectory } from './directory.ts';

export interface Fault {
  file: 'log.db' | 'views.db';
  /** `torn`: half of what is written gets there. */
  call: 'write' | 'torn' | 'sync';
  error: 'ENOSPC' | 'EIO' | 'EROFS';
}

export interface FailingDisk {
  /** What a server has to be started with. */
  env: Readonly<Record<string, string>>;
  /** From now on, until heal(). */
  fail(fault: Fault): void;
  heal(): void;
}

/** Undefined: this machine has no compiler, or is not Linux. Goes with `t`. */
export function failingDisk(t: Owner): FailingDisk | undefined {
  if (process.platform !== 'linux') return undefined;
  const directory = temporaryDirectory(t);
  const library = join(directory, 'failing-disk.so');
  const source = join(import.meta.dirname, 'failing-disk.c');
  const compiled = spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl']);
  if (compiled.status !== 0) return undefined;
  const control = join(directory, 'fault');
  return {
    env: { LD_PRELOAD: library, HOOKLANE_TEST_DISK: control },
    fail({ file, call, error }) {
      writeFileSync(`${control}.new`, `/${file} ${call} ${constants.errno[error]}\n`);
      renameSync(`${control}.new`, control);
    },
    heal: () => rmSync(control, { force: true }),
  };
}
