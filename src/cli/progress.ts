// A progress bar on stderr, written over again and again, where that is a terminal; else nothing.

const WIDTH = 24;

/** Shows how much is done, e.g. `deliveries  ████████░░░░░░  12 of 40`; without a bar where nobody knows of how many. */
export function showProgress(what: string, done: number, total: number | undefined, more = ''): void {
  if (!process.stderr.isTTY) return;
  if (total === undefined) {
    process.stderr.write(`\r\u001b[K${what}  ${done}${more}`);
    return;
  }
  const filled = total === 0 ? WIDTH : Math.min(WIDTH, Math.floor((WIDTH * done) / total));
  const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
  process.stderr.write(`\r\u001b[K${what}  ${bar}  ${done} of ${total}${more}`);
}

/** How often a bar with a rate is drawn. */
const DRAWN_EVERY_MS = 100;

/** A bar for long work, with its rate and the time that is left: `logs  ████░░░░  40000 of 90000, 52000/s, 1 s left`. */
export function progressOf(what: string): (done: number, total: number) => void {
  const startedMs = performance.now();
  let drawnMs = 0;
  return (done, total) => {
    const nowMs = performance.now();
    if (nowMs - drawnMs < DRAWN_EVERY_MS && done < total) return;
    drawnMs = nowMs;
    const perSecond = Math.round((done * 1_000) / Math.max(1, nowMs - startedMs));
    const leftS = perSecond === 0 ? undefined : Math.ceil((total - done) / perSecond);
    showProgress(what, done, total, `, ${perSecond}/s${leftS === undefined ? '' : `, ${leftS} s left`}`);
  };
}

/** Takes the bar away. */
export function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}
