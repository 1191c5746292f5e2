// Whether there is a master key for each secret that is in use. Asked at the start: with another key nothing could be sent,
// and what is made would be sealed under a key of its own. Secrets that were sealed anew, or replaced, ask for none.

import { sealedIn } from '../command/admin/reseal.ts';
import { type Directory, openDirectory } from '../command/directory.ts';
import type { Log } from '../log/log.ts';
import { type SecretBox, sealedUnder } from '../secrets.ts';

/** Throws SecretUnreadable for the first secret that was sealed under a key that is not there. */
export function ensureKeysFit({ state }: Pick<Directory, 'state'>, secrets: SecretBox, nowMs: number): void {
  const fit = new Set<string>();
  for (const { sealed } of sealedIn(state, nowMs)) {
    const keyId = sealedUnder(sealed);
    if (fit.has(keyId)) continue;
    secrets.open(sealed);
    fit.add(keyId);
  }
}

/** The same by the log alone. */
export async function ensureKeysFitLog(log: Log, secrets: SecretBox, nowMs: number): Promise<void> {
  const directory = await openDirectory({ log });
  try {
    ensureKeysFit(directory, secrets, nowMs);
  } finally {
    await directory.close();
  }
}
