// What an event costs: processor time by the threads of the server, by its other processes, and of this process, which loads
// it and receives. It depends less on who else uses the machine than what is done in a second does.

import { readdirSync, readFileSync } from 'node:fs';
import type { Engine, Site } from './deployment.ts';
import type { Hooklane } from './processes.ts';
import type { Measure } from './rows.ts';

/** A process whose time counts. */
interface Counted {
  pid: number;
  /** Under what the time of a thread is told, by its name as Linux shows it: of 15 letters at most. */
  rowOf: (thread: string) => string;
}

/** All others are V8's (compiler, garbage collector) and libuv's. */
const NAMED = ['MainThread', 'log writer', 'read models'];
const OTHERS = "V8's own threads";
const BENCH = 'load generator and receiver';

/** Threads of a broker, by how their names begin. Those for requests and those for sockets are named alike, as far as is shown. */
const BROKER: readonly [prefix: string, row: string][] = [
  ['data-plane', 'requests and sockets'],
  ['C1 Compiler', 'compiler'],
  ['C2 Compiler', 'compiler'],
  ['VM Thread', 'garbage collector'],
  ['GC Thread', 'garbage collector'],
  ['G1 ', 'garbage collector'],
];

function rowOfEngine(engine: Engine): Counted['rowOf'] {
  if (engine.name !== 'broker') return () => engine.name;
  return (thread) => {
    const [, row = 'coordinators and all else'] = BROKER.find(([prefix]) => thread.startsWith(prefix)) ?? [];
    return `broker: ${row}`;
  };
}

function countedOf(
  { processes }: Pick<Hooklane, 'processes'>,
  { engines }: Pick<Site, 'engines'>,
): Counted[] {
  const isOne = processes.length === 1;
  const servers = processes.map(({ roles, pid }) => ({
    pid,
    rowOf: (thread: string) => (isOne ? (NAMED.includes(thread) ? thread : OTHERS) : `process for ${roles}`),
  }));
  return [...servers, ...engines.map((engine) => ({ pid: engine.pid, rowOf: rowOfEngine(engine) }))];
}

/** Begins to count; to be told at the end, for how many events. Without /proc there is nothing to tell. */
export function countCosts(
  { hooklane, site }: { hooklane: Pick<Hooklane, 'processes'>; site: Pick<Site, 'engines'> },
  what: string,
): (count: number) => Measure[] {
  if (process.platform !== 'linux') return () => [];
  const counted = countedOf(hooklane, site);
  const before = counted.map(({ pid }) => threadsOf(pid));
  const own = process.cpuUsage();
  return (count) => {
    const sums = new Map<string, number>();
    const add = (row: string, us: number) => sums.set(row, (sums.get(row) ?? 0) + us);
    for (const [n, { pid, rowOf }] of counted.entries()) {
      for (const [thread, { name, us }] of threadsOf(pid))
        add(rowOf(name), us - (before[n]?.get(thread)?.us ?? 0));
    }
    const { user, system } = process.cpuUsage(own);
    add(BENCH, user + system);
    add(
      'all',
      [...sums.values()].reduce((total, us) => total + us, 0),
    );
    return [...sums].map(([row, us]) => ({
      name: `${what}, processor time: ${row}`,
      value: us / count,
      unit: 'µs',
      better: 'lower',
    }));
  };
}

/** Since each of them began. Source: proc_pid_task(5) and the kernel's sched-stats, whose first figure is in nanoseconds. */
function threadsOf(pid: number): Map<string, { name: string; us: number }> {
  const threads = new Map<string, { name: string; us: number }>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const file = (name: string) => readFileSync(`/proc/${pid}/task/${thread}/${name}`, 'utf8').trim();
    try {
      threads.set(thread, { name: file('comm'), us: Number(file('schedstat').split(' ')[0]) / 1_000 });
    } catch (error) {
      // It has ended meanwhile.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return threads;
}
