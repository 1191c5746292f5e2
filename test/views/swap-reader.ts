// A process that reads the views beside one that writes and replaces them, until it is told to stop; then it says
// what was wrong. Started by sqlite-processes.test.ts.

import { openSqliteViews } from '../../src/views/sqlite.ts';
import { DOCUMENTS, THINGS } from './things.ts';

const views = openSqliteViews({ directory: process.argv[2] ?? '', definitions: [THINGS] });
const wrong: string[] = [];
let reads = 0;
let stopped = false;
process.once('message', () => {
  stopped = true;
});

while (!stopped) {
  try {
    const documents = await views.find('things', { limit: DOCUMENTS });
    const rounds = new Set(documents.map(({ round }) => round));
    if (documents.length !== DOCUMENTS || rounds.size !== 1) {
      wrong.push(`${documents.length} documents of the rounds ${[...rounds].join(', ')}`);
    }
  } catch (error) {
    wrong.push(String(error));
  }
  reads++;
  if (reads % 10 === 0) process.send?.({ reads, wrong: wrong.slice(0, 10) });
  await new Promise((resolve) => setImmediate(resolve));
}
await views.close();
process.send?.({ reads, wrong: wrong.slice(0, 10), ended: true });
process.disconnect();
