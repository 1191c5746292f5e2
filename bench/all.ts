// All measures of npm run bench, by their names, and which of them take long.

import type { Measuring } from './asked.ts';
import { measureGap } from './gap.ts';
import { measureIsolation } from './isolation.ts';
import {
  measureLatency,
  measurePipeline,
  measurePosts,
  measureRebuild,
  measureTakeover,
} from './measures.ts';
import { measureMemory } from './memory.ts';
import { measureHistoryGrowth, measureOrganizationGrowth, measureOrganizations } from './organizations.ts';
import { measureStart, measureStartFull, measureStartMany } from './start.ts';

/** What is run without being named. */
export const USUAL: readonly Measuring[] = [
  ...[measurePosts, measurePipeline, measureLatency, measureOrganizations, measureGap],
  ...[measureIsolation, measureRebuild, measureTakeover, measureMemory, measureStart],
];

/** What is run by name, or with --all. */
export const LONG: readonly Measuring[] = [
  ...[measureOrganizationGrowth, measureHistoryGrowth, measureStartFull, measureStartMany],
];
