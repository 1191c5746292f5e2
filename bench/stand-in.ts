// What the stand-in for MongoDB needs to be measured with. A document is replaced on condition that it has seen nothing since:
// MongoDB finds it by its id; the stand-in, asked for more than the id, looks through the whole collection (10 ms among
// 10,000 documents), unless an index has all that it is asked for.

import { MongoClient } from 'mongodb';
import { projections } from '../src/projections/all.ts';
import { collectionName } from '../src/views/mongo-catalogue.ts';

/** A view as it is after a first start, and after each of the two rebuilds that are measured. */
const GENERATIONS = [1, 2, 3];

/** Makes these indexes for all views in the database of `url`, after the first start there. */
export async function indexStandIn(url: string): Promise<void> {
  const client = new MongoClient(url);
  try {
    for (const { definition } of projections) {
      const seen = definition.topics.map((topic) => [`seen.${topic}`, 1]);
      for (const generation of GENERATIONS) {
        const documents = client.db().collection(collectionName(definition.name, generation));
        await documents.createIndex({ _id: 1, ...Object.fromEntries(seen) });
      }
    }
  } finally {
    await client.close();
  }
}
