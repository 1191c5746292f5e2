// What goes on for long (following, exports, imports) ends when the token that it was begun with lets nobody in any more.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { newId } from '../../src/ids.ts';
import { hashToken } from '../../src/secrets.ts';
import { id, logReceived, logRecorded, tokenCreated } from '../projections/facts.ts';
import { waitFor } from '../support/wait.ts';
import { type Api, startWithOrganization } from './api.ts';
import { open, type RawClient } from './raw-client.ts';

const TOKENS = '/api/v1/tokens';
/** In TCP buffers of both sides there is room for less. */
const MANY_POSTS = 120;
const POST_BYTES = 250_000;

/** Who asks with a token of his own, and has the head of the answer. */
async function ask(t: TestContext, { port }: Api, path: string, token: string): Promise<RawClient> {
  const client = open(t, port);
  client.socket.write(`GET /api/v1${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\n\r\n`);
  await waitFor('the answer', () => client.text().includes('\r\n\r\n'));
  assert.match(client.text(), /^HTTP\/1\.1 200 OK/);
  return client;
}

/** The last chunk has been sent: nobody was cut off. */
async function ends({ text }: RawClient): Promise<void> {
  await waitFor('the end', () => text().endsWith('\r\n0\r\n\r\n'));
}

for (const what of ['logs', 'deliveries']) {
  test(`who follows ${what} is told no more once his token is revoked, though nothing happens`, async (t) => {
    const api = await startWithOrganization(t, { patience: { checkMs: 20 } });
    const { id: tokenId, token = '' } = await api.ok(TOKENS, { json: { name: 'a' } });
    const client = await ask(t, api, `/${what}/tail`, token);
    await api.ok(`${TOKENS}/${tokenId}`, { method: 'DELETE' });
    await ends(client);
  });
}

test('nor what happens before that is looked for', async (t) => {
  const api = await startWithOrganization(t, { patience: { checkMs: 600_000 } });
  const { id: tokenId, token = '' } = await api.ok(TOKENS, { json: { name: 'a' } });
  const client = await ask(t, api, '/logs/tail', token);
  await api.log.append([logRecorded({ inboundId: id('in', 1), message: 'before' })]);
  await waitFor('a log', () => client.text().includes('before'));
  await api.ok(`${TOKENS}/${tokenId}`, { method: 'DELETE' });
  await api.log.append([logRecorded({ inboundId: id('in', 2), message: 'after' })]);
  await ends(client);
  assert.ok(!client.text().includes('after'));
});

test('nor once it has expired', async (t) => {
  const api = await startWithOrganization(t, { patience: { checkMs: 20 } });
  const expiresAtMs = Date.now() + 2_000;
  const made = { tokenId: newId('tok'), organizationId: null, tokenHash: hashToken('adm_x'), expiresAtMs };
  await api.log.append([tokenCreated(made)]);
  await ends(await ask(t, api, '/logs/tail', 'adm_x'));
  assert.ok(Date.now() >= expiresAtMs);
});

test('nor once the organization that it was bound to is deleted', async (t) => {
  const api = await startWithOrganization(t, { patience: { checkMs: 20 } });
  const { token = '' } = await api.ok(TOKENS, { json: { name: 'a', organization: 'acme' } });
  const client = await ask(t, api, '/logs/tail', token);
  await api.ok(api.organization, { method: 'DELETE' });
  await ends(client);
});

test('an export comes to no end once its token is revoked, and says why', async (t) => {
  const api = await startWithOrganization(t);
  const made = await api.integration();
  const { organizationId, projectId, integrationId } = made as Pick<
    ReturnType<typeof logReceived>,
    'organizationId' | 'projectId' | 'integrationId'
  >;
  const body = Buffer.from(JSON.stringify({ message: 'x'.repeat(POST_BYTES) }));
  const ids = { organizationId, projectId, integrationId };
  for (let n = 0; n < MANY_POSTS; n++) await api.log.append([logReceived({ ...ids, id: id('in', n), body })]);
  const { id: tokenId, token = '' } = await api.ok(TOKENS, { json: { name: 'a' } });
  const client = await ask(t, api, `/organizations/${organizationId}/export`, token);
  client.socket.pause();
  await api.ok(`${TOKENS}/${tokenId}`, { method: 'DELETE' });
  client.socket.resume();
  await ends(client);
  assert.match(client.text(), new RegExp(`\\{"failed":"The token ${tokenId} was revoked\\."\\}`));
  assert.ok(!client.text().includes('"sha256"'));
});

test('an import whose token is revoked while it comes is refused, and nothing is made of it', async (t) => {
  const api = await startWithOrganization(t);
  const { id: tokenId, token = '' } = await api.ok(TOKENS, { json: { name: 'a', scopes: ['write'] } });
  const client = open(t, api.port);
  client.socket.write(
    `POST /api/v1/import HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\ncontent-type: application/x-ndjson\r\n` +
      'expect: 100-continue\r\ncontent-length: 2\r\n\r\n',
  );
  await waitFor('it to be let in', () => client.text().startsWith('HTTP/1.1 100 Continue'));
  client.socket.write('{');
  // One after the other: the first has been taken in by then.
  for (let n = 0; n < 3; n++) assert.equal((await api.call('/healthz')).status, 200);
  await api.ok(`${TOKENS}/${tokenId}`, { method: 'DELETE' });
  client.socket.write('}');
  await waitFor('the answer', () => client.text().includes('urn:hooklane:problem:'));
  assert.match(client.text(), /\r\n\r\nHTTP\/1\.1 401 .*was revoked/s);
});
