// The store of read models on MongoDB, 6.0 or newer, standalone or a replica set; the only file that knows its driver.
//
// Patches are applied here, to documents as they were read, and written under the condition that the documents have
// seen nothing since: who comes second reads them again. So any number of projectors may apply the same events at the
// same time. Positions are moved on after the documents, under the condition that the copy of the view which was
// written is still the live one; if it is not, the same patches go to the one that took its place.

import { type Collection, type Db, MongoClient } from 'mongodb';
import { checkCauses, checkDefinitions, checkStored, hasReached, type Shape, shapeOf } from './definition.ts';
import {
  advance,
  type CatalogueEntry,
  collectionName,
  type Generation,
  generationIn,
  newEntry,
  newGeneration,
  nextShadow,
  positionsIn,
  shapeIn,
} from './mongo-catalogue.ts';
import {
  countFilter,
  countOptions,
  documentOf,
  findFilter,
  indexKeys,
  oneIn,
  type StoredDocument,
  scannedOf,
  sortOf,
} from './mongo-document.ts';
import { checkVersion } from './mongo-look.ts';
import { asUnavailable, databaseIn, isDuplicateKey, whileOpening } from './mongo-server.ts';
import { type Writable, write } from './mongo-writing.ts';
import {
  DEAD_AFTER_MS,
  HEARD_EVERY_MS,
  type Patch,
  type ScannedDocument,
  type Shadow,
  type ViewBatch,
  type ViewDefinition,
  type Views,
  ViewsRefused,
  ViewsUnavailable,
} from './views.ts';

export interface MongoViewsOptions {
  /** `mongodb://…` or `mongodb+srv://…`; the database is the one in its path, or `hooklane`. */
  url: string;
  definitions: readonly ViewDefinition[];
}

/** How long a server is looked for, and an answer waited for. */
const FIND_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 30_000;
/** Documents that are read at a time by scan(). */
const SCAN_DOCUMENTS = 500;
/** How often a change is tried that others were faster with. */
const MAX_ROUNDS = 50;
/** Connects, and makes the views that are not there. Rejects with ViewsRefused. */
export async function openMongoViews({ url, definitions }: MongoViewsOptions): Promise<Views> {
  checkDefinitions(definitions);
  const client = connect(url);
  try {
    const db = client.db(databaseIn(url));
    await checkVersion(client.db('admin'));
    const catalogue = db.collection<CatalogueEntry>('views');
    await install(db, catalogue, definitions);
    return createViews({ client, db, catalogue, definitions });
  } catch (error) {
    await client.close();
    throw whileOpening(error, client.options.hosts.join(','));
  }
}

interface Store {
  client: MongoClient;
  db: Db;
  catalogue: Collection<CatalogueEntry>;
  definitions: readonly ViewDefinition[];
}

function createViews({ client, db, catalogue, definitions }: Store): Views {
  const declared = new Map(definitions.map((definition) => [definition.name, definition]));
  /** The entries as they were last read: which copy is live is asked again whenever that matters. */
  const known = new Map<string, CatalogueEntry>();
  let closed: Promise<void> | undefined;

  function definitionOf(view: string): ViewDefinition {
    const definition = declared.get(view);
    if (definition === undefined) throw new Error(`there is no view ${view}`);
    return definition;
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

  function live<T>(view: string, ask: (documents: Collection<StoredDocument>) => Promise<T>): Promise<T> {
    return reaching(async () => ask(documentsOf(view, await entryOf(view))));
  }

  /** Applies what concerns the view to its live copy, whichever that is when all is written. */
  async function applyToLive(
    view: string,
    patches: readonly Patch[],
    { positions }: ViewBatch,
  ): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const entry = (round === 0 && known.get(view)) || (await entryOf(view));
      const { generation } = entry;
      const shape = shapeIn(entry);
      await write(writable(documentsOf(view, entry)), patches, shape);
      const { matchedCount } = await catalogue.updateOne(
        { _id: view, generation },
        advance(positions, shape, ''),
      );
      if (matchedCount === 1) return;
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
    documents: () => Promise<Collection<StoredDocument>>,
  ): AsyncGenerator<ScannedDocument[]> {
    for (let last: string | undefined = ''; last !== undefined; ) {
      const after: string = last;
      const found = await reaching(async () =>
        (await documents())
          .find({ _id: { $gt: after } })
          .sort({ _id: 1 })
          .limit(SCAN_DOCUMENTS)
          .toArray(),
      );
      if (found.length > 0) yield found.map(scannedOf);
      last = found.length < SCAN_DOCUMENTS ? undefined : found.at(-1)?._id;
    }
  }

  async function beginShadow(view: string, deadAfterMs: number): Promise<Shadow> {
    const definition = definitionOf(view);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const entry = await entryOf(view);
      const { lastGeneration, generation } = entry;
      const next = nextShadow(entry, definition, { nowMs: Date.now(), deadAfterMs });
      const { matchedCount } = await catalogue.updateOne(
        { _id: view, lastGeneration },
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
    const own = { _id: view, 'shadow.generation': generation };
    const ended = () => new ViewsUnavailable(`another rebuild of ${view} has begun, or this one has ended`);

    let heardMs = Date.now();
    /** Whoever asks lives, which others are told now and then. */
    async function current(): Promise<CatalogueEntry & { shadow: Generation }> {
      const entry = await entryOf(view);
      const { shadow } = entry;
      if (shadow?.generation !== generation) throw ended();
      if (Date.now() - heardMs >= HEARD_EVERY_MS) {
        heardMs = Date.now();
        await catalogue.updateOne(own, { $set: { 'shadow.heardAtMs': heardMs } });
      }
      return { ...entry, shadow };
    }

    async function swap(): Promise<boolean> {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const entry = await current();
        const { shadow, revision } = entry;
        const { heardAtMs: _, ...taking } = shadow;
        if (!hasReached(positionsIn(shadow), positionsIn(entry), shapeIn(shadow))) return false;
        // Nobody has read on, and nobody else has taken the place: whatever changes, changes the revision.
        const { matchedCount } = await catalogue.updateOne(
          { ...own, revision },
          { $set: { ...taking, shadow: null }, $inc: { revision: 1 } },
        );
        if (matchedCount === 0) continue;
        await db.dropCollection(collectionName(view, entry.generation));
        return true;
      }
      return false;
    }

    return {
      apply: (batch) =>
        reaching(async () => {
          checkCauses(batch.patches, definitionOf);
          const { shadow } = await current();
          const shape = shapeIn(shadow);
          const patches = batch.patches.filter((patch) => patch.view === view);
          await write(writable(documentsOf(view, shadow)), patches, shape);
          const { matchedCount } = await catalogue.updateOne(own, advance(batch.positions, shape, 'shadow.'));
          if (matchedCount === 0) throw ended();
        }),
      positions: () => reaching(async () => positionsIn((await current()).shadow)),
      scan: () => scan(async () => documentsOf(view, (await current()).shadow)),
      swap: () => reaching(swap),
      drop: () =>
        reaching(async () => {
          const ending = { $set: { shadow: null }, $inc: { revision: 1 } };
          const { matchedCount } = await catalogue.updateOne(own, ending);
          if (matchedCount === 0) throw ended();
          await db.dropCollection(collectionName(view, generation));
        }),
    };
  }

  return {
    apply: (batch) => reaching(() => apply(batch)),
    positions: (view) => reaching(async () => positionsIn(await entryOf(view))),
    get: (view, id) => live(view, async (documents) => oneIn(await documents.findOne({ _id: id }))),
    first: (view, where = []) =>
      live(view, async (documents) =>
        oneIn(await documents.findOne(countFilter(where), { sort: { _id: 1 } })),
      ),
    find: (view, query) =>
      live(view, async (documents) => {
        const found = documents.find(findFilter(query)).sort(sortOf(query)).limit(query.limit);
        return (await found.toArray()).map(documentOf);
      }),
    count: (view, where = [], atMost) =>
      live(view, (documents) => documents.countDocuments(countFilter(where), countOptions(atMost))),
    scan: (view) => scan(async () => documentsOf(view, await entryOf(view))),
    shadow: (view, { deadAfterMs = DEAD_AFTER_MS } = {}) => reaching(() => beginShadow(view, deadAfterMs)),
    isOutdated: (view) => reaching(async () => (await entryOf(view)).version < definitionOf(view).version),
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

// ── documents ───────────────────────────────────────────────────────────────────────────────────────────────

/** A collection, as mongo-writing.ts has it. */
function writable(documents: Collection<StoredDocument>): Writable {
  return {
    read: (ids) => documents.find({ _id: { $in: [...ids] } }).toArray(),
    async replace(replacements) {
      const operations = replacements.map(({ filter, document }) => {
        if (filter === undefined) return { insertOne: { document } };
        const { _id, ...replacement } = document;
        return { replaceOne: { filter, replacement } };
      });
      try {
        const { insertedCount, matchedCount } = await documents.bulkWrite(operations, { ordered: false });
        return insertedCount + matchedCount === operations.length;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },
  };
}

// ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A client that has not connected yet. Throws ViewsRefused. Whoever makes one closes it. */
export function connect(url: string): MongoClient {
  try {
    return new MongoClient(url, {
      appName: 'hooklane',
      serverSelectionTimeoutMS: FIND_WITHIN_MS,
      connectTimeoutMS: FIND_WITHIN_MS,
      socketTimeoutMS: ANSWER_WITHIN_MS,
      writeConcern: { w: 'majority', journal: true },
      readPreference: 'primary',
    });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ViewsRefused(`HOOKLANE_VIEWS is not a URL of MongoDB: ${error.message}`, { cause: error });
  }
}

/** Makes the views that are not there. Several processes may do so at the same moment. */
async function install(
  db: Db,
  catalogue: Collection<CatalogueEntry>,
  definitions: readonly ViewDefinition[],
): Promise<void> {
  for (const definition of definitions) {
    const { name, version } = definition;
    const first = newGeneration(1, version, shapeOf(definition));
    // Changes nothing where there is one, and asks for the right to.
    await catalogue.updateOne({ _id: name }, { $setOnInsert: newEntry(name, first) }, { upsert: true });
    const entry = (await catalogue.findOne({ _id: name })) ?? newEntry(name, first);
    checkStored(definition, entry);
    await createIndexes(db.collection(collectionName(name, entry.generation)), shapeIn(entry));
  }
}

async function createIndexes(documents: Collection<StoredDocument>, { indexes }: Shape): Promise<void> {
  const specifications = indexes.map((fields) => ({ key: indexKeys(fields) }));
  if (specifications.length > 0) await documents.createIndexes(specifications);
}
