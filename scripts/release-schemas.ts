// npm run schemas:release: keeps a copy of each of today's schemas under its fingerprint, for ever. To be run when
// a schema has changed, before what was written with it can be in anybody's log.

import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { TOPIC_OF } from '../src/events.ts';
import { parseSchema, RELEASED, SCHEMAS } from '../src/log/schemas.ts';

mkdirSync(RELEASED, { recursive: true });
for (const type of Object.keys(TOPIC_OF)) {
  if (type === 'PendingDropped') continue;
  const from = new URL(`${type}.avsc`, SCHEMAS);
  const { fingerprint } = parseSchema(type as never, readFileSync(from, 'utf8'));
  copyFileSync(from, new URL(`${type}.${fingerprint.toString('hex')}.avsc`, RELEASED));
}
