// Taking from a replay for so long and no longer: whoever looks at a system in trouble must not wait for what is in
// trouble.

/**
 * Gives `take` what `source` has, until that says `enough`, until its end, or until `untilMs` (of performance.now()).
 * Resolves to false when the time was over first. Rejects as the source does.
 */
export async function takeUntil<T>(
  source: AsyncIterable<T>,
  untilMs: number,
  take: (item: T) => 'enough' | undefined,
): Promise<boolean> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await inTime(iterator.next(), untilMs);
      if (next === undefined) return false;
      if (next.done || take(next.value) === 'enough') return true;
    }
  } finally {
    // What is on its way is not waited for; that it fails when the source is closed is known.
    iterator.return?.().catch(() => {});
  }
}

async function inTime<T>(answer: Promise<T>, untilMs: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), Math.max(0, untilMs - performance.now()));
  // Whoever has stopped waiting is not told how it ended.
  answer.catch(() => {});
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
