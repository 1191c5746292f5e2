// A directory of its own for each test, gone when the test has ended.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Makes an empty directory, removed after the test `t`. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'hooklane-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
