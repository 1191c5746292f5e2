// Threads that give way: whoever posts, or is to be sent something, waits for an answer; nobody waits as closely for read
// models, and least for those that are made again. So where cores are short the others come first. On Linux a thread may
// be nicer than its process (setpriority(2), "C library/kernel differences"); elsewhere all stay as they are.

import { existsSync, readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Links to the thread that looks: `<process>/task/<thread>`. Source: proc_thread-self(5). */
const OWN_THREAD = '/proc/thread-self';
/** The nicest that a thread can be. */
const NICEST = 19;

/** Makes the thread that calls this, and no other, nicer than it is by so much, 1 to 19. It cannot be taken back. */
export function giveWay(by: number): void {
  if (process.platform !== 'linux' || !existsSync(OWN_THREAD)) return;
  const thread = Number(readlinkSync(OWN_THREAD).split('/').at(-1));
  setPriority(thread, Math.min(NICEST, getPriority(thread) + by));
}
