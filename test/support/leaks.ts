// What a test leaves open fails its file. Preloaded into every test file by `npm test`.
//
// A socket, server, timer, watcher or child process keeps the file's process running: if it still runs some time
// after its last test, it is told what is open and ended with an error. A file that is still open does not keep a
// process running, so those in the temporary directory are looked for at the exit, where the system lists them.

import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after } from 'node:test';
import { isMainThread } from 'node:worker_threads';

/** How long sockets and the like may take to close after the last test. */
const GRACE_MS = 15_000;

// Threads of ours preload this as well, and have the files of their process open when they end.
if (isMainThread) watch();

function watch(): void {
  after(startWatchdog);
  process.on('exit', failIfOpen);
}

function startWatchdog(): void {
  const watchdog = setTimeout(() => {
    process.stderr.write(`left open by a test: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(1);
  }, GRACE_MS);
  watchdog.unref();
}

function failIfOpen(): void {
  const open = openTemporaryFiles();
  if (open.length === 0) return;
  process.stderr.write(`left open by a test: ${open.join(', ')}\n`);
  process.exitCode = 1;
}

/** The files of the temporary directory that this process has open; none where the system does not tell (only Linux does). */
function openTemporaryFiles(): string[] {
  if (process.platform !== 'linux') return [];
  const temporary = `${realpathSync(tmpdir())}/hooklane-`;
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(temporary) ? [path] : [];
    } catch {
      return []; // the descriptor by which the directory itself was read
    }
  });
}
