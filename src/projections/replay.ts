// A replay: views rebuilt from the log together, or compared with it one after the other, and how far each is.

import type { Log } from '../log/log.ts';
import type { Time } from '../time.ts';
import type { Views } from '../views/views.ts';
import type { Example } from './compare.ts';
import type { Projection } from './projection.ts';
import { compare, rebuildTogether } from './rebuild.ts';

/** How far it is with one view. */
export interface ReplayedView {
  view: string;
  /** Events that were read, of how many as known so far. */
  events: number;
  total: number;
  /** How long it took, beside the others that are rebuilt; undefined: it is not done. */
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
  /** Called once the first view has begun, with a rebuild all of them, and then whenever something has changed. */
  onProgress: (views: readonly ReplayedView[]) => void;
  /** Ends it: views that are not done stay as they were. */
  signal: AbortSignal;
}

/** Resolves when all are done. Rejects with RebuildRuns, ViewsRefused, what the stores reject with, and the signal's reason. */
export async function replay(
  projections: readonly Projection[],
  { verify, time, onProgress, ...stores }: ReplayOptions,
): Promise<readonly ReplayedView[]> {
  const reports: ReplayedView[] = projections.map(({ definition }) => {
    return { view: definition.name, events: 0, total: 0 };
  });
  let startedMs = time.elapsed();
  const tell = (of: string, changes: Partial<ReplayedView>) => {
    const report = reports.find(({ view }) => view === of);
    if (report !== undefined) Object.assign(report, changes);
    onProgress(reports);
  };
  const onRead = (view: string, events: number, total: number) => tell(view, { events, total });
  const onDone = (view: string, found: Partial<ReplayedView>) =>
    tell(view, { ...found, seconds: Number(((time.elapsed() - startedMs) / 1_000).toFixed(2)) });
  if (!verify) {
    const onRebuilt = (view: string, events: number) => onDone(view, { events });
    await rebuildTogether(projections, { ...stores, onProgress: onRead, onRebuilt });
    return reports;
  }
  for (const projection of projections) {
    const view = projection.definition.name;
    startedMs = time.elapsed();
    onDone(
      view,
      await compare(projection, { ...stores, onProgress: (events, total) => onRead(view, events, total) }),
    );
  }
  return reports;
}
