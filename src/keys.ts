// The admin token and the master key: from the configuration, or else made at first use and kept in the data
// directory, in files that only their owner may read (mode 0600).
//
// A file comes to be whole, on disk, and once: of two processes that start together one makes it and both use it.
// A file with something else in it is refused and never written over: what was sealed under a lost master key is
// lost for good.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Config, InvalidConfig } from './config.ts';
import { ADMIN_TOKEN, MASTER_KEY, type Rule } from './config-rules.ts';
import { MASTER_KEY_BYTES, newToken } from './secrets.ts';

export interface Keys {
  /** The Bearer token of the admin routes. */
  adminToken: string;
  masterKey: Buffer;
}

/** The keys of this data directory; makes the directory and those that are missing. Throws InvalidConfig. */
export function loadKeys(config: Pick<Config, 'dataDirectory' | 'adminToken' | 'masterKey'>): Keys {
  const inDirectory = (name: string) => join(config.dataDirectory, name);
  return {
    adminToken: config.adminToken ?? keep(inDirectory('admin-token'), ADMIN_TOKEN, () => newToken('admin')),
    masterKey: config.masterKey ?? keep(inDirectory('master-key'), MASTER_KEY, newMasterKey),
  };
}

/** The master key that is configured, or in the data directory; undefined: there is none yet. Throws InvalidConfig. */
export function masterKeyIfThere(config: Pick<Config, 'dataDirectory' | 'masterKey'>): Buffer | undefined {
  const path = join(config.dataDirectory, 'master-key');
  if (config.masterKey !== undefined || !existsSync(path)) return config.masterKey;
  return loadKeys({ ...config, adminToken: 'of no use here' }).masterKey;
}

function newMasterKey(): string {
  return randomBytes(MASTER_KEY_BYTES).toString('base64');
}

/** What the file holds; if there is none it is made, with what `make` gives. */
function keep<T>(path: string, rule: Rule<T>, make: () => string): T {
  try {
    const value = rule.parse((readIfThere(path) ?? create(path, make())).trim());
    if (value !== undefined) return value;
  } catch (error) {
    throw new InvalidConfig(
      [{ name: path, message: `cannot be read or made: ${(error as Error).message}` }],
      {
        cause: error,
      },
    );
  }
  throw new InvalidConfig([{ name: path, message: `does not hold what it should: ${rule.allowed}` }]);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes the file, unless another process was quicker, and returns what is in it. */
function create(path: string, content: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(draft, `${content}\n`, { flag: 'wx', mode: 0o600, flush: true });
    // A link, as it is all or nothing and never takes the place of what is there; a rename would.
    linkSync(draft, path);
    syncDirectory(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(path, 'utf8');
}

/** Makes the new name in it as durable as the file. Windows opens no directories, and needs no such thing. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
