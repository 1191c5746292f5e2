// The likeliest of the words that somebody may have meant. For messages: `did you mean …?`. Pure.

/** The one of `known` that takes the fewest changes to make of `word`; the first of several. `known` is not empty. */
export function nearest<W extends string>(word: string, known: readonly [W, ...W[]]): W {
  return known.reduce((best, each) => (editDistance(word, each) < editDistance(word, best) ? each : best));
}

/** How many characters must be put in, left out or changed to make `b` of `a` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [i, character] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const change = (row[j] ?? 0) + (character === other ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
