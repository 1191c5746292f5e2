// What every engine must do with claims: see src/views/claims.ts.

import assert from 'node:assert/strict';
import type { Claim } from '../../src/views/claims.ts';
import { ViewsUnavailable } from '../../src/views/views.ts';
import type { Kit } from './views-kit.ts';

function claimOf(changes: Partial<Claim> = {}): Claim {
  return { key: 'k1', body: 'b1', id: 'in_1', untilMs: 1_000, done: false, ...changes };
}

export function claimsContract({ it, storeFor, viewsFor }: Kit): void {
  it('of all who claim a key at once, through several handles, one gets it, and all are told who', async (t) => {
    const open = await storeFor(t);
    const handles = [await open(), await open()];
    const wanted = Array.from({ length: 100 }, (_, n) => claimOf({ id: `in_${n}`, body: `b${n}` }));
    const found = await Promise.all(wanted.map((claim, n) => handles[n % 2]?.claims.claim(claim)));
    const [first] = found;
    assert.ok(wanted.some((claim) => claim.id === first?.id && claim.body === first?.body));
    for (const one of found) assert.deepEqual(one, first);
    const other = claimOf({ key: 'k2' });
    assert.deepEqual(await handles[0]?.claims.claim(other), other);
  });

  it('a claim is replaced and released only as it stands, and of two who replace it one does', async (t) => {
    const { claims } = await viewsFor(t);
    const claim = claimOf();
    await claims.claim(claim);
    const changed: Partial<Claim>[] = [{ id: 'x' }, { body: 'x' }, { untilMs: 999 }, { done: true }];
    for (const other of changed) {
      assert.equal(await claims.replace(claimOf(other), claimOf({ id: 'in_2' })), false);
      await claims.release(claimOf(other));
    }
    assert.deepEqual(await claims.claim(claimOf({ id: 'in_3' })), claim);
    const next = [claimOf({ untilMs: 2_000, body: 'b2' }), claimOf({ untilMs: 2_000, body: 'b3' })];
    const replaced = await Promise.all(next.map((one) => claims.replace(claim, one)));
    assert.deepEqual(replaced.toSorted(), [false, true]);
    const standing = next[replaced.indexOf(true)] ?? claim;
    assert.deepEqual(await claims.claim(claim), standing);
    const done = { ...standing, done: true };
    assert.equal(await claims.replace(standing, done), true);
    assert.deepEqual(await claims.claim(claim), done);
    await claims.release(done);
    assert.deepEqual(await claims.claim(claim), claim);
  });

  it('claims whose lease is over go, done or not, and others stay', async (t) => {
    const { claims } = await viewsFor(t);
    const many = Array.from({ length: 450 }, (_, n) =>
      claimOf({ key: `k${n}`, untilMs: 2_000 + n, done: n % 2 === 0 }),
    );
    for (const claim of many) await claims.claim(claim);
    while (await claims.expire(2_449));
    const found = await Promise.all(many.map((claim) => claims.claim({ ...claim, id: 'new' })));
    assert.deepEqual(
      found.filter(({ id }) => id !== 'new'),
      [many.at(-1)],
    );
  });

  it('claims stand when all handles were closed', async (t) => {
    const open = await storeFor(t);
    const first = await open();
    await first.claims.claim(claimOf());
    await first.close();
    await assert.rejects(first.claims.claim(claimOf()), ViewsUnavailable);
    const { claims } = await open();
    assert.deepEqual(await claims.claim(claimOf({ id: 'in_2' })), claimOf());
  });
}
