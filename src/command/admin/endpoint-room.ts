// How much room the endpoints of an organization may take. All of them stand in one record, that of its lane, which is written
// each time something is sent to one of them, and which Kafka takes up to 2 MiB of. Pure.

import type { EndpointSettings } from '../../events.ts';

/** The rest of the record is for the lane itself. */
export const MAX_ENDPOINTS_BYTES = 1_792 * 1024;

/** Of each: its id, times, delays, and the six sealed secrets that may sign at a time. */
const FIXED_BYTES = 1_250;
/** A digest that counts 50 kinds and names 20 events, each with the longest kind and summary. */
const DIGEST_BYTES = 21 * 1024;

/** What an endpoint may take, whatever becomes of it. */
export function endpointBytes({ url, events, whenBusy }: EndpointSettings): number {
  const texts = [url, ...events].reduce((sum, text) => sum + Buffer.byteLength(text) + 2, 0);
  return FIXED_BYTES + texts + (whenBusy === 'digest' ? DIGEST_BYTES : 0);
}

/** An organization has as many endpoints as it may have. */
export class TooManyEndpoints extends Error {
  readonly code = 'TOO_MANY_ENDPOINTS';
  constructor() {
    super(
      'the organization has as many endpoints as it may: some 1,400, or 80 that are sent digests, less where URLs and lists ' +
        'of events are long',
    );
    this.name = 'TooManyEndpoints';
  }
}

/** Throws TooManyEndpoints where `added` bytes are more than there is room for beside `endpoints`. */
export function ensureRoom(endpoints: Iterable<EndpointSettings>, added: number): void {
  let bytes = added;
  for (const endpoint of endpoints) bytes += endpointBytes(endpoint);
  if (bytes > MAX_ENDPOINTS_BYTES) throw new TooManyEndpoints();
}
