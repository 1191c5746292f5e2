// What an event costs: processor time by the threads of the server, and of this process, which loads it and receives. It
// depends less on who else uses the machine than what is done in a second does.

import { readdirSync, readFileSync } from 'node:fs';
import type { Measure } from './rows.ts';

/** As Linux shows the names of threads. All others are V8's (compiler, garbage collector) and libuv's. */
const NAMED = ['MainThread', 'log writer', 'read models'];
const OTHERS = "V8's own threads";
const BENCH = 'load generator and receiver';

/** Begins to count; to be told at the end, for how many events. Without /proc there is nothing to tell. */
export function countCosts(pid: number, what: string): (count: number) => Measure[] {
  if (process.platform !== 'linux') return () => [];
  const before = microseconds(pid);
  return (count) =>
    [...microseconds(pid)].map(([name, us]) => ({
      name: `${what}, processor time: ${name}`,
      value: (us - (before.get(name) ?? 0)) / count,
      unit: 'µs',
      better: 'lower',
    }));
}

/** Since each of them began. Source: proc_pid_task(5) and the kernel's sched-stats, whose first figure is in nanoseconds. */
function microseconds(pid: number): Map<string, number> {
  const sums = new Map<string, number>([...NAMED, OTHERS].map((name) => [name, 0]));
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const file = (name: string) => readFileSync(`/proc/${pid}/task/${thread}/${name}`, 'utf8').trim();
    const name = file('comm');
    const key = NAMED.includes(name) ? name : OTHERS;
    sums.set(key, (sums.get(key) ?? 0) + Number(file('schedstat').split(' ')[0]) / 1_000);
  }
  const { user, system } = process.cpuUsage();
  return sums.set(BENCH, user + system);
}
