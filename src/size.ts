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

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A number of bytes for people, rounded: `1.4 GiB`. */
export function readableSize(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const amount = bytes / 2 ** (10 * power);
  return `${power === 0 ? amount : amount.toFixed(1)} ${UNITS[power]}`;
}
