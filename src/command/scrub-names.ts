// Whether the name of a field says that its value is a secret. Names of six letters or more are found anywhere in it
// (`dbpassword`, `passwordHash`), shorter ones as a word of it: `token` in `accessToken` and `csrf_token`, not in
// `max_tokens`. Letter case and what stands between words do not count. Pure.

import { plainName } from '../scrub-rules.ts';

/** From so many letters on a name is found anywhere. */
const FOUND_ANYWHERE = 6;
/** Of names that have been seen, so many are remembered, of so many characters: senders use the same ones. */
const MAX_KNOWN = 5_000;
const MAX_KNOWN_LENGTH = 100;

export function createNames(names: readonly string[]): (name: string) => boolean {
  const anywhere = names.filter((name) => name.length >= FOUND_ANYWHERE);
  const words = names.filter((name) => name.length < FOUND_ANYWHERE);
  const known = new Map<string, boolean>();

  function isSecret(name: string): boolean {
    const plain = plainName(name);
    if (anywhere.some((secret) => plain.includes(secret))) return true;
    const candidates = words.filter((word) => plain.includes(word));
    return candidates.length > 0 && hasWord(name, candidates);
  }

  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const is = isSecret(name);
    if (name.length > MAX_KNOWN_LENGTH) return is;
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(name, is);
    return is;
  };
}

/** Where a word ends and another begins: `accessToken`, `APIKey`, `token2`. */
const HUMPS =
  /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})|(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})/gu;

/** Whether one of `words` is a word of the name, or several that follow each other. */
function hasWord(name: string, words: readonly string[]): boolean {
  const parts = name.replace(HUMPS, ' ').split(/[^\p{L}\p{N}]+/u);
  const starts = new Set<number>();
  let joined = '';
  for (const part of parts) {
    starts.add(joined.length);
    joined += part.toLowerCase();
  }
  starts.add(joined.length);
  return words.some((word) => {
    for (let at = joined.indexOf(word); at !== -1; at = joined.indexOf(word, at + 1)) {
      if (starts.has(at) && starts.has(at + word.length)) return true;
    }
    return false;
  });
}
