// npm run schemas:release: keeps a copy of each of today's schemas under its fingerprint, for ever. To be run when
// a schema has changed, before what was written with it can be in anybody's log.

import { copyFileSync } from 'node:fs';
import { currentSchema, RELEASED, releasedName, SCHEMAS, STORED_TYPES } from '../src/log/schemas.ts';

for (const schema of STORED_TYPES.map(currentSchema)) {
  copyFileSync(new URL(`${schema.eventType}.avsc`, SCHEMAS), new URL(releasedName(schema), RELEASED));
}
