// Lists as CSV (RFC 4180): a line of names, then one for each thing, lines ended by CR LF, UTF-8. What is no text or
// number is JSON. Pure.
//
// A spreadsheet takes a cell that begins with one of = + - @, a tab or a line's end for a formula, and what stands here
// comes from outside: such a text gets an apostrophe in front (OWASP, CSV Injection). Numbers stay numbers.

/** What makes a spreadsheet calculate. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** Rows with these columns; the names stand there also when there are no rows. */
export function toCsv(rows: readonly object[], columns: readonly string[]): string {
  const lines = rows.map((row) =>
    columns.map((column) => cell((row as Record<string, unknown>)[column])).join(','),
  );
  return [columns.join(','), ...lines].map((line) => `${line}\r\n`).join('');
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
