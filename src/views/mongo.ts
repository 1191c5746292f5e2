// The store of read models on MongoDB, 6.0 or newer, standalone or a replica set; the only file that knows its driver.
//
// Patches are applied here, to documents as they were read, and written under the condition that the documents have
// seen nothing since: who comes second reads them again. So any number of projectors may apply the same events at the
// same time. Positions are moved on after the documents, under the condition that the copy of the view which was
// written is still the live one; if it is not, the same patches go to the one that took its place.

import type { Collection, Db, MongoClient } from 'mongodb';
import {
  checkCauses,
  checkDefinitions,
  checkStored,
  declaredIndexes,
  type Shape,
  shapeOf,
} from './definition.ts';
import {
  advance,
  type CatalogueEntry,
  collectionName,
  ensureGoesOn,
  type Forgetting,
  type Generation,
  generationIn,
  keepingAfter,
  newEntry,
  newGeneration,
  nextShadow,
  positionsIn,
  shapeIn,
} from './mongo-catalogue.ts';
import { createMongoClaims, type StoredClaim } from './mongo-claims.ts';
import { connect } from './mongo-client.ts';
import { type Copy, openCopy } from './mongo-copy.ts';
import { indexKeys, type StoredDocument } from './mongo-document.ts';
import { checkVersion } from './mongo-look.ts';
import { asUnavailable, databaseIn, whileOpening } from './mongo-server.ts';
import { createShadow } from './mongo-shadow.ts';
import { FOR_EVER, horizonOf, keepsTooLittle, newKeeping, type Retention, retentionOf } from './retention.ts';
import {
  DEAD_AFTER_MS,
  type Patch,
  type ScannedDocument,
  type Shadow,
  type ShadowOptions,
  type ViewBatch,
  type ViewDefinition,
  type Views,
  ViewsUnavailable,
} from './views.ts';

export interface MongoViewsOptions {
  /** `mongodb://…` or `mongodb+srv://…`; the database is the one in its path, or `hooklane`. */
  url: string;
  definitions: readonly ViewDefinition[];
  /** Default: for ever. */
  retention?: Retention;
}

/** Documents that are read at a time by scan(). */
const SCAN_DOCUMENTS = 500;
/** How often a change is tried that others were faster with. */
const MAX_ROUNDS = 50;
/** Connects, and makes the views that are not there. Rejects with ViewsRefused. */
export async function openMongoViews({
  url,
  definitions,
  retention = FOR_EVER,
}: MongoViewsOptions): Promise<Views> {
  checkDefinitions(definitions);
  const client = connect(url);
  try {
    const db = client.db(databaseIn(url));
    await checkVersion(client.db('admin'));
    const catalogue = db.collection<CatalogueEntry>('views');
    const known = await install(db, catalogue, { definitions, retention });
    return createViews({ client, db, catalogue, known, definitions, retention });
  } catch (error) {
    await client.close();
    throw whileOpening(error, client.options.hosts.join(','));
  }
}

interface Store {
  client: MongoClient;
  db: Db;
  catalogue: Collection<CatalogueEntry>;
  /** The entries as they were last read: which copy is live is asked again whenever that matters. */
  known: Map<string, CatalogueEntry>;
  definitions: readonly ViewDefinition[];
  retention: Retention;
}

function createViews({ client, db, catalogue, known, definitions, retention }: Store): Views {
  const declared = new Map(definitions.map((definition) => [definition.name, definition]));
  let closed: Promise<void> | undefined;

  /** As this process has left them. */
  const applied = new Map<string, CatalogueEntry>();

  function definitionOf(view: string): ViewDefinition {
    const definition = declared.get(view);
    if (definition === undefined) throw new Error(`there is no view ${view}`);
    return definition;
  }

  function retentionOfView(view: string): Retention {
    return retentionOf(definitionOf(view).history, retention);
  }

  async function entryOf(view: string): Promise<CatalogueEntry> {
    const entry = await catalogue.findOne({ _id: definitionOf(view).name });
    if (entry === null)
      throw new ViewsUnavailable(`the view ${view} has been removed from the store; start again`);
    known.set(view, entry);
    return entry;
  }

  function documentsOf(view: string, { generation }: Generation): Collection<StoredDocument> {
    return db.collection<StoredDocument>(collectionName(view, generation));
  }

  /** Does what may fail at the server, as the port tells it. */
  async function reaching<T>(work: () => Promise<T>): Promise<T> {
    if (closed !== undefined) throw new ViewsUnavailable('the read models are closed');
    try {
      return await work();
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** A copy of a view; `keeping`: how it will keep its documents when a batch is done, where that is not as it does now. */
  function copyOf(view: string, generation: Forgetting, keeping = generation.keeping): Copy {
    const horizon = horizonOf(definitionOf(view).history, keeping, generation.forgottenMs ?? 0);
    return openCopy(documentsOf(view, generation), { shape: shapeIn(generation), horizon });
  }

  /** Asks a copy, and again where that has been replaced: what is dropped answers as if it were empty. */
  function asking<T>(
    view: string,
    current: () => Promise<Forgetting>,
    ask: (copy: Copy) => Promise<T>,
  ): Promise<T> {
    return reaching(async () => {
      for (let asked = await current(); ; ) {
        const answer = await ask(copyOf(view, asked));
        const isNothing = Array.isArray(answer) ? answer.length === 0 : !answer;
        if (!isNothing) return answer;
        const { generation } = asked;
        asked = await current();
        if (asked.generation === generation) return answer;
      }
    });
  }

  function live<T>(view: string, ask: (copy: Copy) => Promise<T>): Promise<T> {
    return asking(view, () => entryOf(view), ask);
  }

  /** Applies what concerns the view to its live copy, whichever that is when all is written. */
  async function applyToLive(view: string, patches: readonly Patch[], batch: ViewBatch): Promise<void> {
    // Asked for before the entry is read, which is then no older than this, unless the store was lost.
    const left = applied.get(view);
    const remembered = known.get(view);
    const isCurrent = left === undefined || remembered?.generation === left.generation;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const entry = (round === 0 && isCurrent && remembered) || (await entryOf(view));
      const { generation } = entry;
      ensureGoesOn(entry, left, definitionOf(view));
      const keeping = keepingAfter(entry, batch, retentionOfView(view));
      await copyOf(view, entry, keeping).write(patches);
      const moved = await catalogue.findOneAndUpdate(
        { _id: view, generation },
        advance(batch.positions, shapeIn(entry), { keeping, at: '' }),
        { returnDocument: 'after' },
      );
      if (moved !== null) {
        // With the horizon that others may have moved further.
        known.set(view, moved);
        applied.set(view, moved);
        return;
      }
    }
    throw new ViewsUnavailable(`the view ${view} was replaced again and again`);
  }

  async function apply(batch: ViewBatch): Promise<void> {
    checkCauses(batch.patches, definitionOf);
    const byView = Map.groupBy(batch.patches, ({ view }) => view);
    const moved = new Set(batch.positions.map(({ topic }) => topic));
    const concerned = definitions.filter(
      ({ name, topics }) => byView.has(name) || topics.some((topic) => moved.has(topic)),
    );
    await Promise.all(concerned.map(({ name }) => applyToLive(name, byView.get(name) ?? [], batch)));
  }

  async function* scan(
    view: string,
    generation: () => Promise<Forgetting>,
  ): AsyncGenerator<ScannedDocument[]> {
    for (let last: string | undefined = ''; last !== undefined; ) {
      const after: string = last;
      const found = await asking(view, generation, (copy) => copy.scan(after, SCAN_DOCUMENTS));
      if (found.length > 0) yield found;
      last = found.length < SCAN_DOCUMENTS ? undefined : found.at(-1)?.document.id;
    }
  }

  async function sweepLive(view: string): Promise<boolean> {
    await applyToLive(view, [], { patches: [], positions: [] });
    const entry = await entryOf(view);
    const { generation, swept: before = '' } = entry;
    const { swept, more } = await copyOf(view, entry).sweep(before);
    if (swept !== before) await catalogue.updateOne({ _id: view, generation }, { $max: { swept } });
    return more;
  }

  async function beginShadow(
    view: string,
    { deadAfterMs = DEAD_AFTER_MS, likeLive = false }: ShadowOptions,
  ): Promise<Shadow> {
    const definition = definitionOf(view);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const entry = await entryOf(view);
      const { lastGeneration, generation } = entry;
      const next = nextShadow(entry, definition, {
        nowMs: Date.now(),
        deadAfterMs,
        retention: likeLive ? 'like live' : retentionOfView(view),
      });
      // On condition that nobody has swapped meanwhile either: what is live now would be dropped as a leftover.
      const { matchedCount } = await catalogue.updateOne(
        { _id: view, lastGeneration, generation },
        { $set: { lastGeneration: next.generation, shadow: next }, $inc: { revision: 1 } },
      );
      if (matchedCount === 0) continue;
      await dropLeftovers(view, [generation, next.generation]);
      await createIndexes(documentsOf(view, next), shapeOf(definition));
      return shadowOf(view, next.generation);
    }
    throw new ViewsUnavailable(`others rebuild ${view} at the same moment`);
  }

  /** Copies of a view that nobody uses: of rebuilds that died, or made again by somebody who wrote too late. */
  async function dropLeftovers(view: string, used: readonly number[]): Promise<void> {
    const newest = Math.max(...used);
    for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
      const found = generationIn(name);
      if (found?.view !== view || found.generation > newest || used.includes(found.generation)) continue;
      await db.dropCollection(name);
    }
  }

  function shadowOf(view: string, generation: number): Shadow {
    return createShadow(view, generation, {
      entry: () => entryOf(view),
      async change(condition, change) {
        return (await catalogue.updateOne({ _id: view, ...condition }, change)).matchedCount === 1;
      },
      check: (patches) => checkCauses(patches, definitionOf),
      write: (shadow, patches, keeping) => copyOf(view, shadow, keeping).write(patches),
      scan: (shadow) => scan(view, shadow),
      async drop(dropped) {
        await db.dropCollection(collectionName(view, dropped));
      },
      reaching,
    });
  }

  return {
    apply: (batch) => reaching(() => apply(batch)),
    positions: (view) => reaching(async () => positionsIn(await entryOf(view))),
    indexes(view) {
      const entry = known.get(view);
      return declaredIndexes({ ...definitionOf(view), ...(entry && shapeIn(entry)) });
    },
    get: (view, id) => live(view, (copy) => copy.get(id)),
    find: (view, query) => live(view, (copy) => copy.find(query)),
    first: (view, where = []) => live(view, (copy) => copy.first(where)),
    count: (view, where = [], atMost) => live(view, (copy) => copy.count(where, atMost)),
    scan: (view) => scan(view, () => entryOf(view)),
    shadow: (view, options = {}) => reaching(() => beginShadow(view, options)),
    isOutdated: (view) =>
      reaching(async () => {
        const { version, keeping } = await entryOf(view);
        const { version: declaredVersion, history } = definitionOf(view);
        return (
          version < declaredVersion ||
          (history !== undefined && keepsTooLittle(keeping, retentionOfView(view)))
        );
      }),
    sweep: (view) => reaching(() => sweepLive(view)),
    forget: (view, beforeMs) =>
      reaching(async () => {
        const change = { $max: { forgottenMs: beforeMs }, $inc: { revision: 1 } };
        await catalogue.updateOne({ _id: definitionOf(view).name }, change);
      }),
    claims: createMongoClaims(claimsIn(db), reaching),
    size: () =>
      reaching(async () => {
        const { storageSize = 0, indexSize = 0, dataSize = 0 } = await db.stats();
        return Math.max(storageSize, dataSize) + indexSize;
      }),
    close() {
      closed ??= client.close();
      return closed;
    },
  };
}

// ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────

function claimsIn(db: Db): Collection<StoredClaim> {
  return db.collection('claims');
}

/** Makes the views that are not there; resolves to the entries of all. Several processes may do so at the same moment. */
async function install(
  db: Db,
  catalogue: Collection<CatalogueEntry>,
  { definitions, retention }: Pick<Store, 'definitions' | 'retention'>,
): Promise<Map<string, CatalogueEntry>> {
  const entries = new Map<string, CatalogueEntry>();
  await claimsIn(db).createIndex({ untilMs: 1 });
  for (const definition of definitions) {
    const { name } = definition;
    // By the clock, so that whoever still knows a store that was lost knows no copy of this one.
    const first = newGeneration(
      Date.now(),
      definition,
      newKeeping(retentionOf(definition.history, retention)),
    );
    // Changes nothing where there is one, and asks for the right to.
    await catalogue.updateOne({ _id: name }, { $setOnInsert: newEntry(name, first) }, { upsert: true });
    const entry = (await catalogue.findOne({ _id: name })) ?? newEntry(name, first);
    checkStored(definition, entry);
    await createIndexes(db.collection(collectionName(name, entry.generation)), shapeIn(entry));
    entries.set(name, entry);
  }
  return entries;
}

async function createIndexes(documents: Collection<StoredDocument>, { indexes }: Shape): Promise<void> {
  const specifications = indexes.map((fields) => ({ key: indexKeys(fields) }));
  if (specifications.length > 0) await documents.createIndexes(specifications);
}
