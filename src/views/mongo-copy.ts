// One copy of a view on MongoDB: a collection, and where it ends (see retention.ts). What lies before its horizon is not
// there for who asks. The collection comes from mongo.ts, which alone knows the driver.

import {
  countFilter,
  countOptions,
  documentOf,
  type Filter,
  findFilter,
  type StoredDocument,
  scannedOf,
  sortOf,
} from './mongo-document.ts';
import { isDuplicateKey } from './mongo-server.ts';
import { type Layout, type Replacement, type Sweepable, sweep, write } from './mongo-writing.ts';
import type { Condition, Document, Patch, Query, ScannedDocument } from './views.ts';

/** What is used of a collection of the driver. */
export interface Documents {
  find(filter: Filter): Found;
  findOne(filter: Filter, options?: { sort: { _id: 1 } }): Promise<StoredDocument | null>;
  countDocuments(filter: Filter, options: { limit?: number }): Promise<number>;
  deleteMany(filter: Filter): Promise<unknown>;
  bulkWrite(
    operations: Operation[],
    options: { ordered: false },
  ): Promise<{ insertedCount: number; matchedCount: number }>;
}

interface Found {
  sort(order: Record<string, 1 | -1>): Found;
  limit(limit: number): Found;
  toArray(): Promise<StoredDocument[]>;
}

type Operation =
  | { insertOne: { document: StoredDocument } }
  | { replaceOne: { filter: Filter; replacement: Omit<StoredDocument, '_id'> } };

export interface Copy {
  get(id: string): Promise<Document | undefined>;
  find(query: Query): Promise<Document[]>;
  first(where: readonly Condition[]): Promise<Document | undefined>;
  count(where: readonly Condition[], atMost: number | undefined): Promise<number>;
  /** Documents with ids greater than `after`, least first. */
  scan(after: string, limit: number): Promise<ScannedDocument[]>;
  write(patches: readonly Patch[]): Promise<void>;
  /** As sweep() of mongo-writing.ts. */
  sweep(swept: string): ReturnType<typeof sweep>;
}

export function openCopy(documents: Documents, layout: Layout): Copy {
  const { horizon } = layout;
  const visible = (where: readonly Condition[] = []): readonly Condition[] =>
    horizon.documents === '' ? where : [...where, { field: 'id', from: horizon.documents }];
  const oneOf = (found: StoredDocument | null) => (found === null ? undefined : documentOf(found, horizon));
  return {
    async get(id) {
      return id < horizon.documents ? undefined : oneOf(await documents.findOne({ _id: id }));
    },
    async find(query) {
      const filter = findFilter({ ...query, where: visible(query.where) });
      const found = await documents.find(filter).sort(sortOf(query)).limit(query.limit).toArray();
      return found.map((document) => documentOf(document, horizon));
    },
    async first(where) {
      return oneOf(await documents.findOne(countFilter(visible(where)), { sort: { _id: 1 } }));
    },
    count: (where, atMost) => documents.countDocuments(countFilter(visible(where)), countOptions(atMost)),
    async scan(after, limit) {
      // No id is a horizon.
      const from = after < horizon.documents ? horizon.documents : after;
      const found = documents.find({ _id: { $gt: from } }).sort({ _id: 1 });
      return (await found.limit(limit).toArray()).map((document) => scannedOf(document, horizon));
    },
    write: (patches) => write(sweepable(documents), patches, layout),
    sweep: (swept) => sweep(sweepable(documents), layout, swept),
  };
}

/** A collection, as mongo-writing.ts has it. */
function sweepable(documents: Documents): Sweepable {
  return {
    read: (ids) => documents.find({ _id: { $in: [...ids] } }).toArray(),
    between: (after, before, limit) =>
      documents
        .find({ _id: { $gt: after, $lt: before } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray(),
    async remove(before, limit) {
      const found = documents.find({ _id: { $lt: before } }).sort({ _id: 1 });
      const ids = (await found.limit(limit).toArray()).map(({ _id }) => _id);
      if (ids.length > 0) await documents.deleteMany({ _id: { $in: ids } });
      return ids.length;
    },
    async replace(replacements) {
      const operations = replacements.map(operationOf);
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

function operationOf({ filter, document }: Replacement): Operation {
  if (filter === undefined) return { insertOne: { document } };
  const { _id, ...replacement } = document;
  return { replaceOne: { filter, replacement } };
}
