// The serving lock: one serving process a data directory. It is a transaction held open on a small SQLite file, so
// the system itself releases it when the process ends, however it ends. The file also says who holds it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LogRefused } from './log.ts';
import { isBusy, refused } from './sqlite-file.ts';

const FILE = 'serving.lock';
/** Somebody who only asks isServed() holds the lock for a moment. */
const PATIENCE_MS = 200;

export interface ServingLock {
  release(): void;
}

/** Takes the lock of a data directory. Throws LogRefused, naming the process that holds it. */
export function takeServingLock(directory: string): ServingLock {
  const path = join(directory, FILE);
  const file = open(path, PATIENCE_MS);
  try {
    file.exec(
      'BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS holder (pid INTEGER NOT NULL); DELETE FROM holder',
    );
    file.prepare('INSERT INTO holder VALUES (?)').run(process.pid);
    file.exec('COMMIT; BEGIN IMMEDIATE');
  } catch (error) {
    const refusal = isBusy(error)
      ? new LogRefused(heldBy(file, directory), { cause: error })
      : refused(path, error);
    file.close();
    throw refusal;
  }
  return { release: () => file.close() };
}

function open(path: string, timeout: number): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout });
  } catch (error) {
    throw refused(path, error);
  }
}

function heldBy(file: DatabaseSync, directory: string): string {
  const holder = file.prepare('SELECT pid FROM holder').get();
  return `${directory} is already served by process ${holder?.pid ?? 'unknown'}; one process may serve it at a time`;
}

/** Whether a process serves the data directory now. Throws LogRefused where that cannot be told. */
export function isServed(directory: string): boolean {
  const path = join(directory, FILE);
  if (!existsSync(path)) return false;
  const file = open(path, 0);
  try {
    file.exec('BEGIN IMMEDIATE; ROLLBACK');
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw refused(path, error);
  } finally {
    file.close();
  }
}
