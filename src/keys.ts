// The admin token and the master keys: from the configuration, or else made at first use and kept in the data
// directory, in files that only their owner may read (mode 0600).
//
// A file comes to be whole, on disk, and once: of two processes that start together one makes it and both use it.
// A file with something else in it is refused and never written over: what was sealed under a lost master key is
// lost for good. (How a key is put before the others is in key-file.ts.)

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
import { ADMIN_TOKEN, MASTER_KEYS, type Rule } from './config-rules.ts';
import { createSecretBox, MASTER_KEY_BYTES, type MasterKeys, newToken, type SecretBox } from './secrets.ts';

export interface Keys {
  /** The Bearer token of the admin routes. */
  adminToken: string;
  masterKeys: MasterKeys;
}

type Configured = Pick<Config, 'dataDirectory' | 'adminToken' | 'masterKeys'>;

/** The keys of this data directory; makes the directory and those that are missing. Throws InvalidConfig. */
export function loadKeys(config: Configured): Keys {
  return {
    adminToken:
      config.adminToken ??
      keep(join(config.dataDirectory, 'admin-token'), ADMIN_TOKEN, () => newToken('admin')),
    masterKeys: config.masterKeys ?? keep(masterKeyFile(config), MASTER_KEYS, newMasterKey),
  };
}

/** The master keys that are configured, or in the data directory; undefined: there are none yet. Throws InvalidConfig. */
export function masterKeysIfThere(config: Omit<Configured, 'adminToken'>): MasterKeys | undefined {
  const { masterKeys } = config;
  if (masterKeys !== undefined || !existsSync(masterKeyFile(config))) return masterKeys;
  return loadKeys({ ...config, adminToken: 'of no use here' }).masterKeys;
}

/** A box for these keys that goes with the file: what is put there, or taken out, by another process too. */
export function openSecretBox(config: Omit<Configured, 'adminToken'>, keys: MasterKeys): SecretBox {
  return createSecretBox(keys, () => masterKeysIfThere(config) ?? keys);
}

/** The file that master keys are kept in; undefined: they are configured. */
export function keptKeyFile(config: Pick<Config, 'dataDirectory' | 'masterKeys'>): string | undefined {
  return config.masterKeys === undefined ? masterKeyFile(config) : undefined;
}

/** Where master keys are kept that are not configured. */
export function masterKeyFile({ dataDirectory }: Pick<Config, 'dataDirectory'>): string {
  return join(dataDirectory, 'master-key');
}

/** A master key as it stands in the file, or in the environment. */
export function newMasterKey(): string {
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
export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
