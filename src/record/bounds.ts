// How large the parts of a log or deploy may be. What is longer is cut (see text.ts), what is more is left in
// `extra`. Lengths count UTF-16 units, as `string.length` does. The payload itself is kept whole, as it came,
// by the inbound webhook.

export const MAX_MESSAGE_LENGTH = 8 * 1024;
export const MAX_STACK_LENGTH = 64 * 1024;

/** An environment, a release, a version, the type of an error. */
export const MAX_NAME_LENGTH = 256;
export const MAX_URL_LENGTH = 2_048;

export const MAX_TAGS = 64;
export const MAX_TAG_KEY_LENGTH = 64;
export const MAX_TAG_VALUE_LENGTH = 256;

/**
 * `extra` and `user`, as JSON text. Of a payload of 256 KiB only what grows when it is written again comes near it (`1e20` has
 * four characters, and is written with 21); of one that HOOKLANE_BODY_LIMIT lets be larger, what is ordinary may.
 */
export const MAX_JSON_LENGTH = 256 * 1024;

/** Levels of objects and arrays in `extra` and `user`: what is deeper overflows the stack of who handles it. */
export const MAX_JSON_DEPTH = 64;

/** How much is read of the stacks of one error: of a chain of causes, of one stack's frames or lines. */
export const MAX_EXCEPTIONS = 10;
export const MAX_FRAMES = 250;

/** What of an error counts for its fingerprint: so many frames, or the start of its message. */
export const MAX_GROUPED_FRAMES = 5;
export const MAX_GROUPED_LENGTH = 1_024;

/** Why an inbound webhook failed. */
export const MAX_REASON_LENGTH = 512;
