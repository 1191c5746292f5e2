// A replay: views rebuilt from the log one after the other, or only compared with it, and how far each is.

import type { Log } from '../log/log.ts';
import type { Time } from '../time.ts';
import type { Views } from '../views/views.ts';
import type { Projection } from './projection.ts';
import { compare, type Example, rebuild } from './rebuild.ts';

/** How far it is with one view. */
export interface ReplayedView {
  view: string;
  /** Events that were read, of how many as known so far. */
  events: number;
  total: number;
  /** How long it took; undefined: it is not done. */
  seconds?: number;
  /** Once it is compared: in the live view and the rebuilt one together, and how many of them differ. */
  documents?: number;
  differences?: number;
  examples?: Example[];
}

export interface ReplayOptions {
  log: Log;
  views: Views;
  /** Only compare. */
  verify: boolean;
  time: Pick<Time, 'elapsed'>;
  /** Called once the first view has begun, and then whenever something has changed. */
  onProgress: (views: readonly ReplayedView[]) => void;
  /** Ends it: the view it was at stays as it was. */
  signal: AbortSignal;
}

/** Resolves when all are done. Rejects with RebuildRuns, ViewsRefused, what the stores reject with, and the signal's reason. */
export async function replay(
  projections: readonly Projection[],
  { verify, time, onProgress, ...stores }: ReplayOptions,
): Promise<readonly ReplayedView[]> {
  const all = projections.map((projection) => {
    const report: ReplayedView = { view: projection.definition.name, events: 0, total: 0 };
    return { projection, report };
  });
  const reports = all.map(({ report }) => report);
  const work = verify ? compare : rebuild;
  for (const { projection, report } of all) {
    const startedMs = time.elapsed();
    const tell = (changes: Partial<ReplayedView>) => {
      Object.assign(report, changes);
      onProgress(reports);
    };
    const found = await work(projection, {
      ...stores,
      onProgress: (events, total) => tell({ events, total }),
    });
    tell({ ...found, seconds: Number(((time.elapsed() - startedMs) / 1_000).toFixed(2)) });
  }
  return reports;
}
