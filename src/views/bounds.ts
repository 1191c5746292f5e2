// The bounds of what is asked of a store of read models, the same for every engine. Pure.

/** Documents a page at most. */
const MAX_PAGE_DOCUMENTS = 1_000;

/** No character sorts after this one: where a range of texts with the same beginning ends. */
export const LAST_CHARACTER = '\u{10ffff}';

/** Throws if a page cannot have so many documents. */
export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_DOCUMENTS) {
    throw new RangeError(`a page has 1 to ${MAX_PAGE_DOCUMENTS} documents, not ${limit}`);
  }
}
