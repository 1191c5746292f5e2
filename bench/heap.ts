/** Bytes in use, on V8's heap and outside of it. Needs --expose-gc. */
export function heapBytes(): number {
  // What the first one frees outside of the heap is counted out by the second one.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
