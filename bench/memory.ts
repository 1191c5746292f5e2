// What quiet lanes cost: lane-memory.ts, in a process of its own, keeps 100,000 of them.

import type { Asked } from './asked.ts';
import type { Site } from './deployment.ts';
import { runScript, temporaryDirectory } from './processes.ts';
import type { Measure } from './rows.ts';

const LANES = 100_000;

export async function measureMemory(site: Site, asked: Asked): Promise<Measure[]> {
  if (site.deployment !== 'sqlite') return [];
  const lanes = asked.count(LANES);
  const script = ['--expose-gc', 'bench/lane-memory.ts', temporaryDirectory(), String(lanes)];
  const { laneBytes, rssBytes } = JSON.parse(await runScript(script));
  const many = lanes.toLocaleString('en');
  return [
    { name: `a quiet lane among ${many}, of the heap`, value: laneBytes, unit: 'bytes' },
    { name: `dispatcher with ${many} lanes, resident`, value: rssBytes / 2 ** 20, unit: 'MiB' },
  ];
}
