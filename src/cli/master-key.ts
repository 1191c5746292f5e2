// Whether the master key is the one that the log's secrets were sealed under. Asked at the start: with another key
// nothing could be sent, and what is made would be sealed under a key of its own.

import type { Log } from '../log/log.ts';
import type { SecretBox } from '../secrets.ts';

/** Throws SecretUnreadable if the first secret in the log was sealed under another key. */
export async function ensureKeyFits(log: Log, secrets: SecretBox): Promise<void> {
  for await (const { events } of log.read('organizations', { types: ['OrganizationCreated'] })) {
    const [first] = events;
    if (first?.event.type !== 'OrganizationCreated') continue;
    secrets.open(first.event.secret);
    return;
  }
}
