// A directory of its own for each test, gone when the test has ended.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Whoever has something for a while: a test, or a run that is none. */
export type Owner = Pick<TestContext, 'after'>;

/** Makes an empty directory, removed after the test `t`. */
export function temporaryDirectory(t: Owner): string {
  const directory = mkdtempSync(join(tmpdir(), 'hooklane-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
