// What the stand-in for MongoDB needs to be measured with. A document is replaced on condition that it has seen nothing since:
// MongoDB finds it by its id; the stand-in, asked for more than the id, looks through the whole collection (10 ms among
// 10,000 documents), unless an index has all that it is asked for.

import { MongoClient } from 'mongodb';
import { projections } from '../src/projections/all.ts';
import { type CatalogueEntry, collectionName } from '../src/views/mongo-catalogue.ts';

/** Copies of a view: that of the first start, and of each of the two rebuilds that are measured. */
const COPIES = 3;

/** Makes these indexes for all views in the database of `url`, after the first start there. */
export async function indexStandIn(url: string): Promise<void> {
  const client = new MongoClient(url);
  try {
    const catalogue = client.db().collection<CatalogueEntry>('views');
    for await (const { _id: view, lastGeneration } of catalogue.find()) {
      const topics = projections.find(({ definition }) => definition.name === view)?.definition.topics ?? [];
      const seen = topics.map((topic) => [`seen.${topic}`, 1]);
      for (let copy = 0; copy < COPIES; copy++) {
        const documents = client.db().collection(collectionName(view, lastGeneration + copy));
        await documents.createIndex({ _id: 1, ...Object.fromEntries(seen) });
      }
    }
  } finally {
    await client.close();
  }
}
