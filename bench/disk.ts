// How long the disk takes meanwhile: what is measured waits for it, and on a shared machine it stands still at times.

import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from './processes.ts';

const BLOCK = Buffer.alloc(4_096);
const EVERY_MS = 100;

/** Writes and syncs a block ten times a second, until it is ended; resolves to what each took, in ms, in order of size. */
export async function watchDisk(): Promise<{ end(): Promise<number[]> }> {
  const directory = temporaryDirectory();
  const file = await open(join(directory, 'block'), 'w');
  const tookMs: number[] = [];
  let over = false;
  const watching = (async () => {
    while (!over) {
      const startedMs = performance.now();
      await file.write(BLOCK, 0, BLOCK.length, 0);
      await file.datasync();
      tookMs.push(performance.now() - startedMs);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  return {
    async end() {
      over = true;
      await watching;
      await file.close();
      await rm(directory, { recursive: true });
      return tookMs.sort((a, b) => a - b);
    },
  };
}
