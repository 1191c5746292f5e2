// Tokens and the audit by the command line: beside the server, and from afar with a token that may not do everything.

import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/directory.ts';
import { testOnAllEngines } from './engines.ts';
import { ask, askList, run, serve } from './hooklane.ts';

testOnAllEngines('commands with a token do what it may do, and say what it may not', async (t) => {
  const directory = temporaryDirectory(t);
  const { url } = await serve(t, directory);
  const beside = { HOOKLANE_DATA: directory };
  const acme = await ask(t, ['org', 'create', 'acme'], { env: beside });
  const create = ['token', 'create', 'ci', '--scope', 'read,write', '--org', 'acme', '--expires', '90d'];
  const { token, ...made } = await ask(t, create, { env: beside });
  assert.deepEqual([made.organizationId, made.scopes], [acme.id, ['read', 'write']]);
  assert.deepEqual(await askList(t, ['token', 'list'], { env: beside }), [made]);

  const remote = { HOOKLANE_URL: url, HOOKLANE_TOKEN: String(token) };
  const organizations = await askList(t, ['org', 'list'], { env: remote });
  assert.deepEqual(
    organizations.map(({ name }) => name),
    ['acme'],
  );
  await ask(t, ['project', 'create', 'shop', '--org', 'acme'], { env: remote });
  for (const [args, why] of [
    [['project', 'list', '--org', 'default'], /there is no organization "default"/],
    [['org', 'create', 'other'], /takes a token that is bound to no organization; this one is to org_/],
    [['status'], /takes a token that is bound to no organization/],
    [['token', 'list'], /takes a token that is bound to no organization/],
  ] as const) {
    const { exit, stdout, stderr } = await run(t, args, { env: remote });
    assert.deepEqual([exit, stdout], [1, ''], args.join(' '));
    assert.match(stderr, why);
  }

  const writer = await ask(t, ['token', 'create', 'writer', '--scope', 'write'], { env: beside });
  const writing = { HOOKLANE_URL: url, HOOKLANE_TOKEN: String(writer.token) };
  await ask(t, ['project', 'create', 'by id', '--org', String(acme.id)], { env: writing });
  const named = await run(t, ['project', 'create', 'by name', '--org', 'acme'], { env: writing });
  assert.match(named.stderr, /takes a token with the scope read; this one has write/);

  const [latest] = await askList(t, ['audit', '--by', 'ci'], { env: beside });
  assert.deepEqual([latest?.what, latest?.objectName, latest?.byName], ['project created', 'shop', 'ci']);
  const [byUs] = await askList(t, ['audit', '--by', 'cli', '--org', 'acme', '--limit', '1'], { env: beside });
  assert.deepEqual([byUs?.what, byUs?.by], ['token created', `cli:${userInfo().username}`]);
  const here = await run(t, ['audit', '--org', 'acme', '--csv'], { env: beside });
  assert.match(here.stdout, /^id,at,by,byName,what,objectId,objectName,organizationId,organizationName\r\n/);
  assert.equal((await askList(t, ['audit'], { env: remote })).length, 4);
  assert.match((await run(t, ['audit'], { env: beside })).stdout, / ci +project created +shop +acme/);

  await ask(t, ['token', 'revoke', 'ci'], { env: beside });
  const refused = await run(t, ['org', 'list'], { env: remote });
  assert.deepEqual([refused.exit, refused.stdout], [1, '']);
  assert.match(refused.stderr, /refuses the token: The token tok_\w+ was revoked\. Set HOOKLANE_TOKEN/);
});

test('what a token may be is said by the command', async (t) => {
  const env = { HOOKLANE_DATA: temporaryDirectory(t) };
  for (const [args, why] of [
    [['--scope', 'admin'], /'--scope <scopes>' argument 'admin' is invalid\. Allowed: read, write/],
    [
      ['--expires', '1s'],
      /'--expires <duration>' argument '1s' is invalid\. Allowed: a duration from 1m to 3650d/,
    ],
  ] as const) {
    const { exit, stderr } = await run(t, ['token', 'create', 'x', ...args], { env });
    assert.equal(exit, 2);
    assert.match(stderr, why);
  }
});
