// A shadow of a view on MongoDB: the entry of the view in the catalogue names it, and every step is on condition that it
// still does. What it needs of the server comes from mongo.ts, which alone knows the driver.

import { hasReached } from './definition.ts';
import {
  advance,
  type CatalogueEntry,
  type Forgetting,
  keepingAfter,
  positionsIn,
  shapeIn,
} from './mongo-catalogue.ts';
import { FOR_EVER, type Keeping } from './retention.ts';
import {
  HEARD_EVERY_MS,
  type Patch,
  type ScannedDocument,
  type Shadow,
  type ViewBatch,
  ViewsUnavailable,
} from './views.ts';

/** What a shadow needs of the store. */
export interface ShadowStore {
  entry(): Promise<CatalogueEntry>;
  /** Changes the entry, if it is as `condition` says. Whether it was. */
  change(condition: Record<string, unknown>, change: Record<string, unknown>): Promise<boolean>;
  /** Throws, as this is a bug, for patches that no event of the view's topics has made. */
  check(patches: readonly Patch[]): void;
  /** Writes documents of a copy that keeps them so. */
  write(generation: Forgetting, patches: readonly Patch[], keeping: Keeping | undefined): Promise<void>;
  scan(generation: () => Promise<Forgetting>): AsyncIterable<ScannedDocument[]>;
  drop(generation: number): Promise<void>;
  /** Does what may fail at the server, as the port tells it. */
  reaching<T>(work: () => Promise<T>): Promise<T>;
}

/** How often a change is tried that others were faster with. */
const MAX_ROUNDS = 50;

/** The shadow of `view` that has this number. */
export function createShadow(view: string, generation: number, store: ShadowStore): Shadow {
  const own = { 'shadow.generation': generation };
  const ended = () => new ViewsUnavailable(`another rebuild of ${view} has begun, or this one has ended`);

  let heardMs = Date.now();
  /** Whoever asks lives, which others are told now and then. */
  async function current(): Promise<CatalogueEntry & { shadow: NonNullable<CatalogueEntry['shadow']> }> {
    const entry = await store.entry();
    const { shadow } = entry;
    if (shadow?.generation !== generation) throw ended();
    if (Math.abs(Date.now() - heardMs) >= HEARD_EVERY_MS) {
      heardMs = Date.now();
      await store.change(own, { $set: { 'shadow.heardAtMs': heardMs } });
    }
    return { ...entry, shadow };
  }

  async function apply(batch: ViewBatch): Promise<void> {
    store.check(batch.patches);
    const entry = await current();
    const { shadow } = entry;
    const keeping = keepingAfter(shadow, batch, FOR_EVER);
    const patches = batch.patches.filter((patch) => patch.view === view);
    await store.write({ ...shadow, ...forgotten(entry) }, patches, keeping);
    const moves = advance(batch.positions, shapeIn(shadow), { keeping, at: 'shadow.' });
    if (!(await store.change(own, moves))) throw ended();
  }

  async function swap(): Promise<boolean> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const entry = await current();
      const { shadow, revision } = entry;
      const { heardAtMs: _, ...taking } = shadow;
      if (!hasReached(positionsIn(shadow), positionsIn(entry), shapeIn(shadow))) return false;
      // Nobody has read on, and nobody else has taken the place: whatever changes, changes the revision.
      const changed = await store.change(
        { ...own, revision },
        { $set: { ...taking, shadow: null }, $inc: { revision: 1 } },
      );
      if (!changed) continue;
      await dropReplaced(entry.generation);
      return true;
    }
    return false;
  }

  /** It is replaced whether it can be dropped now or not: if it cannot, the next rebuild drops it with what else is left. */
  async function dropReplaced(replaced: number): Promise<void> {
    try {
      await store.reaching(() => store.drop(replaced));
    } catch (error) {
      if (!(error instanceof ViewsUnavailable)) throw error;
    }
  }

  async function drop(): Promise<void> {
    const ending = { $set: { shadow: null }, $inc: { revision: 1 } };
    if (!(await store.change(own, ending))) throw ended();
    await store.drop(generation);
  }

  return {
    apply: (batch) => store.reaching(() => apply(batch)),
    positions: () => store.reaching(async () => positionsIn((await current()).shadow)),
    scan: () =>
      store.scan(async () => {
        const entry = await current();
        return { ...entry.shadow, ...forgotten(entry) };
      }),
    swap: () => store.reaching(swap),
    drop: () => store.reaching(drop),
  };
}

/** What holds for every copy of a view. */
function forgotten({ forgottenMs = 0 }: CatalogueEntry): { forgottenMs: number } {
  return { forgottenMs };
}
