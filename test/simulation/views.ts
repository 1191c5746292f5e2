// The store of read models in a simulation: documents in memory, changed by patches as the port says. It may be away,
// do what it was asked for and lose the answer, and be asked for the same twice by two projectors at once.

import type { Topic } from '../../src/events.ts';
import { applyPatch, canonicalJson } from '../../src/views/patch.ts';
import { type Fields, type ViewBatch, type Views, ViewsUnavailable } from '../../src/views/views.ts';
import type { Breaks } from './breaks.ts';
import type { Process, World } from './world.ts';

interface Stored {
  fields: Fields;
  /** By topic, the offset that it has seen. */
  seen: Partial<Record<Topic, number>>;
}

export interface SimulatedViews {
  /** The store as a process sees it. */
  openFor(process: Process): Views;
  /** Every document as text, by view and id. */
  documents(): Map<string, string>;
  goAway(ms: number): void;
}

/** Applies a batch to documents by view and id, as every engine does. */
export function applyTo(documents: Map<string, Stored>, { patches }: ViewBatch): void {
  for (const { view, id, cause, ...changes } of patches) {
    const key = `${view} ${id}`;
    const stored = documents.get(key) ?? { fields: {}, seen: {} };
    if ((stored.seen[cause.topic] ?? -1) >= cause.offset) continue;
    applyPatch(stored.fields, changes);
    stored.seen[cause.topic] = cause.offset;
    documents.set(key, stored);
  }
}

export function textsOf(documents: ReadonlyMap<string, Stored>): Map<string, string> {
  return new Map([...documents].map(([key, { fields }]) => [key, canonicalJson(fields)]));
}

export function createViews(
  world: World,
  { faults, breaks }: { faults: { unavailable: number; answerLost: number; crash: number }; breaks: Breaks },
): SimulatedViews {
  const { random } = world;
  const documents = new Map<string, Stored>();
  const next: Partial<Record<Topic, Record<number, number>>> = {};
  let awayUntilMs = 0;

  function apply(batch: ViewBatch): void {
    applyTo(documents, breaks.onApply(batch));
    for (const { topic, partition, offset } of batch.positions) {
      const offsets = next[topic] ?? {};
      next[topic] = offsets;
      offsets[partition] = Math.max(offsets[partition] ?? 0, offset);
    }
  }

  const never = () => {
    throw new Error('a projector does not ask this');
  };

  return {
    documents: () => textsOf(documents),
    goAway(ms) {
      awayUntilMs = Math.max(awayUntilMs, world.now() + ms);
    },
    openFor: (process) => ({
      apply: (batch) =>
        new Promise((resolve, reject) => {
          const answer = (settle: () => void) => {
            world.after(random.whole(1, 3), () => process.deliver(settle));
          };
          if (random.once(faults.crash)) {
            if (random.once(2)) apply(batch);
            process.kill();
          } else if (world.now() < awayUntilMs || random.once(faults.unavailable)) {
            answer(() => reject(new ViewsUnavailable('away')));
          } else {
            apply(batch);
            const isLost = random.once(faults.answerLost);
            answer(isLost ? () => reject(new ViewsUnavailable('the answer was lost')) : resolve);
          }
        }),
      positions: async () => structuredClone(next),
      indexes: never,
      get: never,
      find: never,
      first: never,
      count: never,
      scan: never,
      shadow: never,
      isOutdated: never,
      sweep: never,
      forget: never,
      size: never,
      close: async () => {},
    }),
  };
}
