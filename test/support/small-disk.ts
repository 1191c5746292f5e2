// A disk that is full: a small file system of its own, where the machine allows to mount one.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A small file system until the end of the test; undefined: this machine does not allow it. */
export function mountedDirectory(t: TestContext, options: string): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'hooklane-'));
  const isMounted = succeeds('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', directory);
  t.after(() => {
    // Whoever still uses it may go on until it ends.
    if (isMounted) succeeds('umount', '--lazy', directory);
    rmSync(directory, { recursive: true, force: true });
  });
  return isMounted ? directory : undefined;
}

/** Whether a command of the system exists and ends with 0. */
function succeeds(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0;
}

/** Writes until the disk is full. */
export function fill(path: string): void {
  for (let bytes = 65_536; bytes >= 512; bytes /= 2) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // Full for pieces of this size.
    }
  }
}
