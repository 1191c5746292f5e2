// Chance that a seed decides: the same seed gives the same numbers, on every machine. mulberry32, which is small and
// good enough for choosing faults (not for secrets).

export interface Random {
  /** From 0 to below 1. */
  fraction(): number;
  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number;
  /** True once in so many times. */
  once(inSoMany: number): boolean;
  pick<T>(among: readonly T[]): T;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function fraction(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const whole = (least: number, most: number) => least + Math.floor(fraction() * (most - least + 1));
  return {
    fraction,
    whole,
    once: (inSoMany) => fraction() * inSoMany < 1,
    pick(among) {
      const picked = among[whole(0, among.length - 1)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
  };
}
