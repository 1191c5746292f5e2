// What quiet lanes cost: lane-memory.ts, in a process of its own, takes in 100,000 of them. And what a server is resident with that
// has these and no other role, once it is idle.

import { rmSync } from 'node:fs';
import type { Asked } from './asked.ts';
import type { Site } from './deployment.ts';
import { idleBytes, inhabit } from './inhabited.ts';
import { runScript, temporaryDirectory } from './processes.ts';
import type { Measure } from './rows.ts';

const LANES = 100_000;

export async function measureMemory(site: Site, asked: Asked): Promise<Measure[]> {
  if (site.deployment !== 'sqlite') return [];
  const lanes = asked.count(LANES);
  const many = lanes.toLocaleString('en');
  const rows: Measure[] = [
    {
      name: `a quiet lane among ${many}, of the heap`,
      value: await laneBytes(lanes),
      unit: 'bytes',
      aim: { most: 1_024 },
    },
  ];
  const bytes = await residentWith(site, lanes);
  if (bytes !== undefined) {
    rows.push({
      name: `dispatcher with ${many} lanes, resident`,
      value: bytes / 2 ** 20,
      unit: 'MiB',
      aim: { most: 150 },
    });
  }
  return rows;
}

async function laneBytes(lanes: number): Promise<number> {
  const directory = temporaryDirectory();
  const printed = await runScript(['--expose-gc', 'bench/lane-memory.ts', directory, String(lanes)]);
  rmSync(directory, { recursive: true });
  return Number(printed);
}

async function residentWith(site: Site, lanes: number): Promise<number | undefined> {
  const directory = temporaryDirectory();
  await inhabit(site, directory, lanes);
  const bytes = await idleBytes({ ...site, processes: ['dispatch'] }, directory);
  rmSync(directory, { recursive: true });
  return bytes;
}
