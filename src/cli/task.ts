// What the tasks of jobs do, wherever they are done: in a thread of the server, or in a test.

import type { Task } from '../command/job-routes.ts';
import type { Work } from '../command/jobs.ts';
import type { Log } from '../log/log.ts';
import { projections, projectionsOf } from '../projections/all.ts';
import { prune } from '../projections/prune.ts';
import { replay } from '../projections/replay.ts';
import { processTime, toIso } from '../time.ts';
import { verify } from '../verify/verify.ts';
import type { Views } from '../views/views.ts';

/** Does a task on these stores. Rejects with what they reject with, and the signal's reason. */
export async function doTask(
  task: Task,
  { onReport, ...io }: Parameters<Work>[0] & { log: Log; views: Views },
): Promise<void> {
  switch (task.type) {
    case 'replay': {
      const { verify: compare } = task;
      const onProgress = (views: object) => onReport({ verify: compare, views });
      await replay(projectionsOf(task.views), { ...io, verify: compare, onProgress, time: processTime() });
      return;
    }
    case 'verification': {
      const { organizationId, limit } = task;
      const about = organizationId === undefined ? {} : { organizationId };
      const progress = progressOf(about, onReport);
      const report = await verify(io, {
        organizationId,
        ...(limit === undefined ? {} : { limit }),
        signal: io.signal,
        onProgress: progress.on,
      });
      onReport({ ...about, ...progress.end(), ...report });
      return;
    }
    case 'pruning': {
      const { beforeMs, dryRun, by } = task;
      const about = { before: toIso(beforeMs), dryRun };
      const progress = progressOf(about, onReport);
      const rules = { projections, beforeMs, dryRun, by, clock: Date.now };
      const items = await prune({ ...io, ...rules, onProgress: progress.on });
      onReport({ ...about, ...progress.end(), items });
      return;
    }
    default:
      task satisfies never;
  }
}

/** Reports how much has been read; and at the end all, as reports between, also the last one, may have been passed over. */
function progressOf(about: object, onReport: (report: object) => void) {
  let all = 0;
  return {
    on(read: number, total: number): void {
      all = total;
      onReport({ ...about, read, total });
    },
    end: () => ({ read: all, total: all }),
  };
}
