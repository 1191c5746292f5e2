// Commands that ask a server, and somebody else listens there: they say so in a line, and claim nothing to be done.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { startReceiver } from '../support/receiver.ts';
import { type Outcome, run } from './hooklane.ts';

/** Something that answers everything with 200 and this. */
async function stranger(t: TestContext, body: string) {
  const { url } = await startReceiver(t, (response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  return { HOOKLANE_URL: new URL(url).origin, HOOKLANE_TOKEN: 'x' };
}

/** Of what is asked: to show, to list, to change, and to do for long. */
const COMMANDS = [
  ['org', 'list'],
  ['org', 'create', 'acme'],
  ['org', 'show', 'acme'],
  ['token', 'create', 'ci'],
  ['token', 'revoke', 'tok_1'],
  ['publish', '--org', 'acme', '--event', 'order.paid', '--data', '{}'],
  ['deliveries', 'list'],
  ['deliveries', 'show', 'wh_1'],
  ['deliveries', 'retry', 'wh_1'],
  ['deliveries', 'stats'],
  ['deliveries', 'tail'],
  ['logs', 'groups'],
  ['audit'],
  ['status'],
  ['replay'],
  ['verify'],
  ['prune', '--before', '90d', '--dry-run'],
  ['keys', 'list'],
  ['keys', 'rotate'],
  ['keys', 'remove', '1f0c3b5a'],
  ['export', '--org', 'acme'],
];

/** One line, which says it. */
function assertRefused({ exit, stdout, stderr }: Outcome, what: string): void {
  assert.equal(exit, 1, what);
  assert.equal(stdout, '', what);
  const says = /^hooklane: http\S+ (answers something else than Hooklane does|has ended the answer: .+)\n$/;
  assert.match(stderr, says, what);
}

for (const body of ['{"a":1}', 'null', '', '<html>']) {
  test(`an answer of ${JSON.stringify(body)} is taken for nobody's success`, async (t) => {
    const env = await stranger(t, body);
    for (const args of COMMANDS) assertRefused(await run(t, args, { env }), args.join(' '));
    const file = join(temporaryDirectory(t), 'acme.ndjson');
    writeFileSync(file, '{}\n');
    assertRefused(await run(t, ['import', file], { env }), 'import');
  });
}
