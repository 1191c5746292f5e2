import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPlaces } from '../../src/command/places.ts';
import { waitFor } from '../support/wait.ts';
import { startApi } from './api.ts';
import { ADMIN_TOKEN } from './client.ts';
import { open } from './raw-client.ts';

const HERS = { organizationId: 'org_1' } as const;
const HIS = { organizationId: 'org_2' } as const;
const ADMINS = { organizationId: null };

test('places are taken up to the most, and come back once', () => {
  const take = createPlaces({ most: 2, what: 'things', retryAfterSeconds: 7 });
  const giveBack = take(ADMINS);
  take(ADMINS);
  assert.throws(() => take(ADMINS), {
    ...{ code: 'TOO_BUSY', retryAfterSeconds: 7 },
    message: 'Too many things: at most 2 at once, 1 by the tokens of one organization.',
  });
  giveBack();
  giveBack();
  take(ADMINS);
  assert.throws(() => take(ADMINS));
});

test('the tokens of one organization have half of the places, whoever else has the others', () => {
  const take = createPlaces({ most: 4, what: 'things', retryAfterSeconds: 7 });
  const giveBack = take(HERS);
  take(HERS);
  assert.throws(() => take(HERS));
  take(HIS);
  giveBack();
  take(HERS);
  take(ADMINS);
  assert.throws(() => take(HIS));
});

test('who is bound to an organization leaves half of the tails to others', async (t) => {
  const { ok, call, port } = await startApi(t);
  const organization = await ok('/api/v1/organizations', { json: { name: 'eager' } });
  const json = { name: 'reader', scopes: ['read'], organization: organization.id };
  const { token = '' } = await ok('/api/v1/tokens', { json });
  const follow = async (bearer: string) => {
    const { socket, text } = open(t, port);
    socket.write(`GET /api/v1/logs/tail HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${bearer}\r\n\r\n`);
    await waitFor('the answer', () => text().includes('\r\n\r\n'));
    return Number(text().split(' ')[1]);
  };
  const statuses: number[] = [];
  for (let tails = 0; tails <= 25; tails++) statuses.push(await follow(token));
  assert.deepEqual(statuses, [...Array<number>(25).fill(200), 503]);
  const refused = await call('/api/v1/logs/tail', { token });
  assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '10']);
  assert.equal(await follow(ADMIN_TOKEN), 200);
});
