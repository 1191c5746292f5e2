// What an Idempotency-Key may be (draft-ietf-httpapi-idempotency-key-header), over HTTP and in commands. It is taken as it
// stands, quotes and all.

/** For people. */
export const KEY_ALLOWED = '1 to 255 visible ASCII characters, no spaces';

export function isIdempotencyKey(text: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(text);
}
