// The data directory and the files in it: whether they are there, whose they are, who may read and write them. Judged
// apart from where it is asked. Nothing is made, and no key is shown.

import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../../config.ts';
import { ADMIN_TOKEN, MASTER_KEYS, type Rule } from '../../config-rules.ts';
import type { MasterKeys } from '../../secrets.ts';
import { type Check, checksOf, reasonOf } from './check.ts';

/** What stands at a path; undefined fields where there is nothing. */
export interface Found {
  path: string;
  kind: 'missing' | 'directory' | 'file' | 'other';
  /** The rights of owner, group and others; undefined where the system has none. */
  mode?: number | undefined;
  uid?: number | undefined;
  /** Whether this process may read, and write; of a directory also, whether it may enter it. */
  readable: boolean;
  writable: boolean;
}

/** Who looks: the user's number, undefined where the system has none. */
export interface Who {
  uid: number | undefined;
}

const { ok, warning, problem } = checksOf('directory');

/** `above` is the nearest directory that is there, where this one is not. */
export function judgeDirectory(found: Found, above: Found, who: Who): Check[] {
  const { path, kind, mode, readable, writable } = found;
  const name = 'data directory';
  const elsewhere = 'or set HOOKLANE_DATA to another directory';
  if (kind === 'missing') {
    if (above.kind === 'directory' && above.writable)
      return [ok(name, `${path} is not there yet: it is made at the first start`)];
    const mend = `make it, with an owner who runs Hooklane, ${elsewhere}`;
    return [problem(name, `${path} is not there, and cannot be made in ${above.path}`, mend)];
  }
  if (kind !== 'directory')
    return [problem(name, `${path} is no directory`, 'set HOOKLANE_DATA to a directory')];
  if (!readable || !writable) {
    const mend = `chown it to the user who runs Hooklane, ${elsewhere}`;
    return [problem(name, `${path} may not be ${readable ? 'written' : 'read'} by this user`, mend)];
  }
  const checks: Check[] = [];
  if (mode !== undefined && (mode & 0o022) !== 0)
    checks.push(problem(name, `${path} may be written by others (mode ${octal(mode)})`, `chmod 700 ${path}`));
  else if (mode !== undefined && (mode & 0o055) !== 0)
    checks.push(warning(name, `${path} may be read by others (mode ${octal(mode)})`, `chmod 700 ${path}`));
  checks.push(...judgeOwner(name, found, who));
  return checks.length > 0 ? checks : [ok(name, path)];
}

function judgeOwner(name: string, { path, uid }: Found, who: Who): Check[] {
  if (uid === undefined || who.uid === undefined || uid === who.uid) return [];
  const detail = `${path} belongs to user ${uid}, and this is user ${who.uid}`;
  return [warning(name, detail, 'run the doctor, and Hooklane, as the user to whom the data belong')];
}

/** A file with a key: what it must hold is said by `rule`. `text` is undefined where it cannot be read. */
export function judgeKeyFile(
  { variable, rule, isSet }: { variable: string; rule: Rule<unknown>; isSet: boolean },
  { found, text }: { found: Found; text: string | undefined },
  who: Who,
): Check[] {
  const name = found.path.split(/[\\/]/).at(-1) ?? '';
  if (isSet) return [ok(name, `from ${variable}; a file is not looked at`)];
  const { path, kind, mode } = found;
  if (kind === 'missing') return [ok(name, `${path} is not there yet: it is made at the first start`)];
  const checks: Check[] = [];
  if (text === undefined) {
    const mend = `see to it that ${path} is a file that belongs to the user who runs Hooklane`;
    checks.push(problem(name, `${path} cannot be read`, mend));
  } else if (rule.parse(text.trim()) === undefined) {
    const detail = `${path} does not hold what it should: ${rule.allowed}`;
    checks.push(problem(name, detail, `put back what it held, from a backup, or set ${variable}`));
  }
  if (mode !== undefined && (mode & 0o077) !== 0)
    checks.push(problem(name, `${path} may be read by others (mode ${octal(mode)})`, `chmod 600 ${path}`));
  checks.push(...judgeOwner(name, found, who));
  return checks.length > 0 ? checks : [ok(name, path)];
}

/** A file of a store, which need not be there. */
export function judgeStoreFile({ path, kind, readable, writable }: Found): Check[] {
  if (kind === 'missing' || (kind === 'file' && readable && writable)) return [];
  const name = path.split(/[\\/]/).at(-1) ?? '';
  if (kind !== 'file') return [problem(name, `${path} is no file`, 'move it away')];
  const detail = `${path} may not be ${readable ? 'written' : 'read'} by this user`;
  return [problem(name, detail, `chown it to the user who runs Hooklane, and chmod 600 ${path}`)];
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}

// ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────

export interface DirectoryExamined {
  checks: Check[];
  /** The master keys; undefined: there are none. `unknown`: what there is cannot be used. */
  masterKeys: MasterKeys | 'unknown' | undefined;
}

/** Looks at the data directory and the files in it. `wrong` are variables whose values cannot be used. */
export function examineDirectory(config: Config, wrong: ReadonlySet<string>): DirectoryExamined {
  const { dataDirectory, log, views } = config;
  const who = { uid: process.getuid?.() };
  const inDirectory = (name: string) => join(dataDirectory, name);
  const files = [
    ...(log === 'sqlite' ? ['log.db'] : []),
    ...(views === 'sqlite' ? ['views.db', 'claims.db'] : []),
  ];
  const keyFile = (file: string, how: Parameters<typeof judgeKeyFile>[0]) => {
    const looked = lookAtFile(inDirectory(file));
    // Who has set it, if wrongly, means no file.
    return { looked, checks: wrong.has(how.variable) ? [] : judgeKeyFile(how, looked, who) };
  };
  const { adminToken, masterKeys } = config;
  const token = keyFile('admin-token', {
    ...{ variable: 'HOOKLANE_ADMIN_TOKEN', rule: ADMIN_TOKEN },
    isSet: adminToken !== undefined,
  });
  const key = keyFile('master-key', {
    ...{ variable: 'HOOKLANE_MASTER_KEY', rule: MASTER_KEYS },
    isSet: masterKeys !== undefined,
  });
  const isUnknown = wrong.has('HOOKLANE_MASTER_KEY') || key.looked.found.kind !== 'missing';
  const inFile = wrong.has('HOOKLANE_MASTER_KEY')
    ? undefined
    : MASTER_KEYS.parse((key.looked.text ?? '').trim());
  return {
    checks: [
      ...judgeDirectory(lookAt(dataDirectory), lookAt(nearestAbove(dataDirectory)), who),
      ...token.checks,
      ...key.checks,
      ...files.flatMap((name) => judgeStoreFile(lookAt(inDirectory(name)))),
    ],
    masterKeys: masterKeys ?? inFile ?? (isUnknown ? 'unknown' : undefined),
  };
}

/** The path itself, or the nearest one above it that is there. */
export function nearestAbove(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestAbove(dirname(path));
}

function lookAt(path: string): Found {
  const nothing = { path, kind: 'missing', readable: false, writable: false } as const;
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return nothing;
    const kind = found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other';
    const enter = kind === 'directory' ? constants.X_OK : 0;
    // Windows has neither.
    const rights = process.platform === 'win32' ? {} : { mode: found.mode, uid: found.uid };
    const readable = may(path, constants.R_OK | enter);
    return { path, kind, ...rights, readable, writable: may(path, constants.W_OK | enter) };
  } catch (error) {
    // A directory above it may not be entered, or is none.
    reasonOf(error);
    return { ...nothing, kind: 'other' };
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    reasonOf(error);
    return false;
  }
}

function lookAtFile(path: string): { found: Found; text: string | undefined } {
  const found = lookAt(path);
  if (found.kind !== 'file') return { found, text: undefined };
  try {
    return { found, text: readFileSync(path, 'utf8') };
  } catch (error) {
    reasonOf(error);
    return { found, text: undefined };
  }
}
