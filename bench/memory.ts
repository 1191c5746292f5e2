// What quiet lanes cost: lane-memory.ts, in a process of its own, takes in 100,000 of them, and in another one starts with
// them. The first one makes the organizations as well, so that what is resident there is mostly not of lanes.

import { rmSync } from 'node:fs';
import type { Asked } from './asked.ts';
import type { Site } from './deployment.ts';
import { runScript, temporaryDirectory } from './processes.ts';
import type { Measure } from './rows.ts';

const LANES = 100_000;

export async function measureMemory(site: Site, asked: Asked): Promise<Measure[]> {
  if (site.deployment !== 'sqlite') return [];
  const lanes = asked.count(LANES);
  const directory = temporaryDirectory();
  const script = ['--expose-gc', 'bench/lane-memory.ts', directory];
  const { laneBytes } = JSON.parse(await runScript([...script, String(lanes)]));
  const { rssBytes } = JSON.parse(await runScript([...script, '0']));
  rmSync(directory, { recursive: true });
  const many = lanes.toLocaleString('en');
  return [
    {
      name: `a quiet lane among ${many}, of the heap`,
      value: laneBytes,
      unit: 'bytes',
      aim: { most: 1_024 },
    },
    {
      name: `dispatcher with ${many} lanes, resident`,
      value: rssBytes / 2 ** 20,
      unit: 'MiB',
      aim: { most: 150 },
    },
  ];
}
