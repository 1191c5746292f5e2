// Changes of the file `master-key`: a new key comes before the others, one that nothing needs goes. The file is whole at any
// moment, and processes change it one after the other.

import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { MASTER_KEYS, MAX_MASTER_KEYS } from './config-rules.ts';
import { sqliteCode } from './database-file.ts';
import { withFileLock } from './file-lock.ts';
import { newMasterKey, syncDirectory } from './keys.ts';
import { keyIdOf } from './secrets.ts';

/** How long a change waits for that of another process. */
const PATIENCE_MS = 5_000;

/** The keys cannot be changed as is wanted. For people. */
export class KeysRefused extends Error {
  readonly code = 'KEYS_REFUSED';
  constructor(message: string) {
    super(message);
    this.name = 'KeysRefused';
  }
}

/** Makes a key that seals from now on, and returns its id. Throws KeysRefused. */
export function addMasterKey(path: string): string {
  const made = newMasterKey();
  change(path, (lines) => {
    if (lines.length >= MAX_MASTER_KEYS)
      throw new KeysRefused(
        `there are ${lines.length} master keys, more than may be kept: remove old ones first`,
      );
    return [made, ...lines];
  });
  return keyIdOf(Buffer.from(made, 'base64'));
}

/** Takes a key out for ever. Throws KeysRefused for the one that seals, and for one that is not there. */
export function removeMasterKey(path: string, keyId: string): void {
  change(path, (lines) => {
    const at = lines.findIndex((line) => keyIdOf(Buffer.from(line, 'base64')) === keyId);
    if (at === -1) throw new KeysRefused(`no master key is called ${JSON.stringify(keyId)} in ${path}`);
    if (at === 0) throw new KeysRefused(`${keyId} is the master key that seals: rotate first`);
    return lines.toSpliced(at, 1);
  });
}

function change(path: string, changed: (lines: string[]) => string[]): void {
  locked(path, () => {
    const before = readFileSync(path, 'utf8');
    if (MASTER_KEYS.parse(before.trim()) === undefined)
      throw new KeysRefused(`${path} does not hold what it should: ${MASTER_KEYS.allowed}`);
    const lines = changed(before.trim().split(/, ?|\r?\n/));
    const draft = `${path}.${randomBytes(6).toString('hex')}`;
    try {
      writeFileSync(draft, `${lines.join('\n')}\n`, { flag: 'wx', mode: 0o600, flush: true });
      renameSync(draft, path);
      syncDirectory(dirname(path));
    } finally {
      rmSync(draft, { force: true });
    }
  });
}

/** Does `work` while no other process changes the file: of two at once the later one would drop a key, with all it seals. */
function locked(path: string, work: () => void): void {
  try {
    withFileLock(`${path}.lock`, PATIENCE_MS, work);
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error;
    throw new KeysRefused(`${path} cannot be changed now: ${(error as Error).message}`);
  }
}
