// Why nobody can listen at an address, for people.

import { isIPv6 } from 'node:net';
import { CommandFailed } from './failed.ts';

/** By the codes of the system. */
const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program',
  EACCES: 'may not be used by this user',
  EADDRNOTAVAIL: 'is no address of this machine',
  ENOTFOUND: 'is not known',
};

/** What to throw for the error of a server that could not listen: CommandFailed, with what mends it; else the error. */
export function notListening(
  error: unknown,
  { host, port, mend }: { host: string; port: number; mend: string },
): unknown {
  const why = error instanceof Error && 'code' in error ? WHY[String(error.code)] : undefined;
  if (why === undefined) return error;
  const address = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  return new CommandFailed(`${address} ${why}; ${mend}`, { cause: error });
}
