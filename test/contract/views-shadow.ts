// What shadows must do, on every engine.

import assert from 'node:assert/strict';
import { RebuildRuns, ViewsUnavailable } from '../../src/views/views.ts';
import { at, fill, idsOf, type Kit, patch, textOf } from './views-kit.ts';

export function shadowContract({ it, storeFor, viewsFor }: Kit): void {
  it('nobody sees a shadow until it takes the place of the live view', async (t) => {
    const open = await storeFor(t);
    const [views, other] = [await open(), await open()];
    await fill(views, [{ color: 'old' }, { color: 'old' }]);
    const shadow = await views.shadow('items');
    assert.deepEqual(await shadow.positions(), {});
    await shadow.apply({ patches: [patch('doc_01', 3, { set: { color: 'new' } })], positions: [at(4)] });
    assert.equal((await views.get('items', 'doc_01'))?.color, 'old');
    assert.equal(await views.count('items'), 2);
    assert.deepEqual(await views.positions('items'), { organizations: { 0: 2 } });
    assert.deepEqual(await shadow.positions(), { organizations: { 0: 4 } });
    assert.equal((await textOf(shadow.scan())).length, 1);

    assert.equal(await shadow.swap(), true);
    for (const handle of [views, other]) {
      assert.deepEqual(await idsOf(handle, {}), ['doc_01']);
      assert.deepEqual(await idsOf(handle, { where: [{ field: 'color', eq: 'new' }] }), ['doc_01']);
      assert.deepEqual(await handle.positions('items'), { organizations: { 0: 4 } });
    }
    await other.apply({ patches: [patch('doc_02', 4, {})], positions: [at(5)] });
    assert.deepEqual(await idsOf(views, {}), ['doc_02', 'doc_01']);
  });

  it('writes of the live view go on beside a shadow, and leave the shadow alone', async (t) => {
    const views = await viewsFor(t);
    const shadow = await views.shadow('items');
    await fill(views, [{ color: 'red' }]);
    assert.deepEqual(await textOf(shadow.scan()), []);
    assert.deepEqual(await shadow.positions(), {});
    await shadow.drop();
    assert.deepEqual(await idsOf(views, {}), ['doc_00']);
  });

  it('a shadow does not take the place of a view that has read further in any partition', async (t) => {
    const views = await viewsFor(t);
    await fill(views, [{ color: 'red' }]);
    await views.apply({ patches: [], positions: [at(3, 'inbound', 1)] });
    const shadow = await views.shadow('items');
    assert.equal(await shadow.swap(), false);
    await shadow.apply({ patches: [], positions: [at(1), at(2, 'inbound', 1), at(9, 'inbound', 0)] });
    assert.equal(await shadow.swap(), false);
    assert.equal((await views.get('items', 'doc_00'))?.color, 'red');
    await shadow.apply({ patches: [], positions: [at(3, 'inbound', 1)] });
    assert.equal(await shadow.swap(), true);
    assert.equal(await views.count('items'), 0);
  });

  it('of two shadows of a view the later one wins, and the earlier one can do nothing any more', async (t) => {
    const open = await storeFor(t);
    const [views, other] = [await open(), await open()];
    const first = await views.shadow('items');
    const aside = await views.shadow('others');
    const second = await other.shadow('items', { deadAfterMs: 0 });
    await assert.rejects(first.apply({ patches: [], positions: [] }), ViewsUnavailable);
    await assert.rejects(first.swap(), ViewsUnavailable);
    await assert.rejects(textOf(first.scan()), ViewsUnavailable);
    await second.apply({ patches: [patch('doc_09', 1, {})], positions: [at(2)] });
    assert.equal(await second.swap(), true);
    assert.deepEqual(await idsOf(views, {}), ['doc_09']);
    assert.equal(await aside.swap(), true);
  });

  it('while somebody fills a shadow of a view nobody else begins one, until he is silent for long', async (t) => {
    const open = await storeFor(t);
    const [views, other] = [await open(), await open()];
    const first = await views.shadow('items');
    await assert.rejects(other.shadow('items'), RebuildRuns);
    await assert.rejects(
      views.shadow('items'),
      /items is being rebuilt by another process, last heard of \d/,
    );
    await first.apply({ patches: [], positions: [at(1)] });
    const { now } = Date;
    t.after(() => {
      Date.now = now;
    });
    // Whatever is done with it tells that its maker lives.
    const begunMs = now();
    for (const work of [
      () => first.apply({ patches: [], positions: [at(2)] }),
      () => first.positions(),
      () => first.apply({ patches: [patch('doc_01', 1, {})], positions: [at(3)] }),
      () => textOf(first.scan()),
    ]) {
      const laterMs = Date.now() + 20_000;
      Date.now = () => laterMs;
      await work();
    }
    assert.ok(Date.now() - begunMs > 60_000);
    await assert.rejects(other.shadow('items'), RebuildRuns);
    const deadMs = Date.now() + 30_000;
    Date.now = () => deadMs;
    const second = await other.shadow('items');
    await assert.rejects(first.positions(), ViewsUnavailable);
    assert.equal(await second.swap(), true);
  });

  it('who died before the clock was set back counts as dead, and who lives goes on being heard of', async (t) => {
    const open = await storeFor(t);
    const [views, other] = [await open(), await open()];
    const { now } = Date;
    t.after(() => {
      Date.now = now;
    });
    await views.shadow('items');
    Date.now = () => now() - 3_600_000;
    const second = await other.shadow('items');
    Date.now = () => now() - 7_200_000;
    await second.apply({ patches: [], positions: [at(1)] });
    await assert.rejects(views.shadow('items'), RebuildRuns);
    await second.drop();
  });

  it('a shadow that has ended can do nothing any more', async (t) => {
    const views = await viewsFor(t);
    const swapped = await views.shadow('items');
    assert.equal(await swapped.swap(), true);
    const dropped = await views.shadow('items');
    await dropped.drop();
    for (const ended of [swapped, dropped]) {
      await assert.rejects(ended.apply({ patches: [], positions: [] }), ViewsUnavailable);
      await assert.rejects(ended.swap(), ViewsUnavailable);
    }
  });
}
