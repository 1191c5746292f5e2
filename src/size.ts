// Sizes, between what people write and bytes. Pure.

const UNITS_BYTES: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 * 1024 };

/** `256KiB`, `1MiB`, `1.5MiB` or `4096B` in bytes; undefined: not a size, or not of whole bytes. */
export function parseSize(text: string): number | undefined {
  const [, amount = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)(B|KiB|MiB)$/.exec(text) ?? [];
  const bytes = Number(amount) * (UNITS_BYTES[unit] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest text that parseSize() reads as `bytes`. */
export function formatSize(bytes: number): string {
  for (const unit of ['MiB', 'KiB'] as const) {
    const unitBytes = UNITS_BYTES[unit] ?? 1;
    if (bytes >= unitBytes && bytes % unitBytes === 0) return `${bytes / unitBytes}${unit}`;
  }
  return `${bytes}B`;
}
