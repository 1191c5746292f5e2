// Waiting in tests: for a condition, with a bound, never for a time.

import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks `condition` again and again until it gives something else than undefined or false, and resolves to that.
 * Rejects, with what it waited for, after `withinMs` (default 10 s).
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain for: ${what}`);
    await delay(5);
  }
}
