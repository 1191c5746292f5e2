// A progress bar on stderr, written over again and again, where that is a terminal; else nothing.

const WIDTH = 24;

/** Shows how much is done, e.g. `deliveries  ████████░░░░░░  12 of 40`. */
export function showProgress(what: string, done: number, total: number): void {
  if (!process.stderr.isTTY) return;
  const filled = total === 0 ? WIDTH : Math.min(WIDTH, Math.floor((WIDTH * done) / total));
  const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
  process.stderr.write(`\r\u001b[K${what}  ${bar}  ${done} of ${total}`);
}

/** Takes the bar away. */
export function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}
