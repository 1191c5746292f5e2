// Who uses a command beside the log: the user of the system, under whose name what he changes stands in the log.

import { userInfo } from 'node:os';
import { type Access, fullAccess } from '../command/access.ts';

/** May do everything, as he has the data directory. */
export function operator(): Access {
  return fullAccess(`cli:${userName()}`);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container, mostly, a user may have a number and no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}
