// What is special to the store on MongoDB: several processes that write at once, a server that goes away and comes back,
// one that must not be used.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { openMongoViews } from '../../src/views/mongo.ts';
import { type CatalogueEntry, collectionName } from '../../src/views/mongo-catalogue.ts';
import { whyTooOld } from '../../src/views/mongo-server.ts';
import { type Patch, ViewsRefused, ViewsUnavailable } from '../../src/views/views.ts';
import { at, fieldsOf, fill, ITEMS, OTHERS, patch, textOf } from '../contract/views-kit.ts';
import { missing, missingOwn } from '../support/engines.ts';
import { dropDatabase, SUPERUSER, startMongod } from '../support/mongod.ts';
import { waitFor } from '../support/wait.ts';
import { emptyDatabase } from './mongo-database.ts';

const SHARED = { skip: missing('mongodb') };
const OWN = { skip: missingOwn('mongodb') };
const DEFINITIONS = [ITEMS, OTHERS];

async function openViews(t: TestContext, url: string, definitions = DEFINITIONS) {
  const views = await openMongoViews({ url, definitions });
  t.after(() => views.close());
  return views;
}

/** The collections that hold a view. */
async function copiesOf(client: MongoClient, view: string): Promise<string[]> {
  const collections = await client.db().listCollections({}, { nameOnly: true }).toArray();
  return collections.map(({ name }) => name).filter((name) => name.startsWith(`${view}_`));
}

/** Patches of forty documents, each from three events. */
function patches(): Patch[] {
  return Array.from({ length: 120 }, (_, offset) =>
    patch(`doc_${offset % 40}`, offset, { set: { size: offset }, put: { map: { [offset]: offset } } }),
  );
}

test(
  'several that apply overlapping batches at the same moment end in the same documents',
  SHARED,
  async (t) => {
    const url = emptyDatabase(t);
    const alone = await openViews(t, emptyDatabase(t));
    await alone.apply({ patches: patches(), positions: [at(120)] });
    const stores = [await openViews(t, url), await openViews(t, url), await openViews(t, url)];
    await Promise.all(
      stores.map(async (views, shift) => {
        const all = patches();
        for (let from = 0; from < all.length; from += 7 + shift) {
          const next = from + 20;
          await views.apply({ patches: all.slice(from, next), positions: [at(Math.min(next, all.length))] });
        }
      }),
    );
    for (const views of stores) {
      assert.deepEqual(await textOf(views.scan('items')), await textOf(alone.scan('items')));
      assert.deepEqual(await views.positions('items'), { organizations: { 0: 120 } });
    }
  },
);

test('a view that is replaced while somebody writes it misses nothing', SHARED, async (t) => {
  const url = emptyDatabase(t);
  const [writer, rebuilder] = [await openViews(t, url), await openViews(t, url)];
  const all = patches();
  let written = 0;
  const writing = (async () => {
    for (; written < all.length; written++) {
      await writer.apply({ patches: all.slice(written, written + 1), positions: [at(written + 1)] });
    }
  })();
  let swaps = 0;
  while (written < all.length) {
    const shadow = await rebuilder.shadow('items');
    let read = 0;
    do {
      // As who reads the log to its end, it is ahead of whoever follows.
      const upTo = Math.min(all.length, ((await rebuilder.positions('items')).organizations?.[0] ?? 0) + 20);
      await shadow.apply({ patches: all.slice(read, upTo), positions: [at(upTo)] });
      read = upTo;
    } while (!(await shadow.swap()));
    swaps++;
  }
  await writing;
  assert.ok(swaps > 1, `${swaps} swaps`);
  const alone = await openViews(t, emptyDatabase(t));
  await alone.apply({ patches: all, positions: [at(all.length)] });
  assert.deepEqual(await textOf(writer.scan('items')), await textOf(alone.scan('items')));
});

test('what a dead rebuild has left behind goes when the next one begins', SHARED, async (t) => {
  const url = emptyDatabase(t);
  const views = await openViews(t, url);
  await views.shadow('items');
  await views.shadow('items', { deadAfterMs: 0 });
  await (await views.shadow('items', { deadAfterMs: 0 })).swap();
  await (await views.shadow('items')).drop();
  const client = new MongoClient(url);
  t.after(() => client.close());
  const copies = await copiesOf(client, 'items');
  const catalogue = client.db().collection<CatalogueEntry>('views');
  // The last one was dropped.
  const { lastGeneration = 0 } = (await catalogue.findOne({ _id: 'items' })) ?? {};
  assert.deepEqual(copies, [collectionName('items', lastGeneration - 1)]);
});

test('the indexes that a view declares are there, each with the id behind it', SHARED, async (t) => {
  const url = emptyDatabase(t);
  await openViews(t, url);
  const client = new MongoClient(url);
  t.after(() => client.close());
  const [copy = ''] = await copiesOf(client, 'items');
  const keys = (await client.db().collection(copy).indexes()).map(({ key }) => Object.keys(key).join(' '));
  const declared = [
    '_id',
    'fields.color _id',
    'fields.size _id',
    'fields.done _id',
    'fields.owner fields.color _id',
  ];
  assert.deepEqual(keys.sort(), declared.sort());
});

test(
  'who knows a store that was lost does not go on in the one that has been made in its place',
  SHARED,
  async (t) => {
    const url = emptyDatabase(t);
    const views = await openViews(t, url);
    await views.apply({ patches: [patch('doc_00', 4, { set: { color: 'red' } })], positions: [at(5)] });
    await dropDatabase(url);
    const anew = await openViews(t, url);
    const next = { patches: [patch('doc_00', 5, { set: { size: 1 } })], positions: [at(6)] };
    await assert.rejects(views.apply(next), {
      code: 'VIEWS_REFUSED',
      message: /lost and has been made anew: start again/,
    });
    assert.deepEqual(await anew.positions('items'), {});
    assert.equal(await anew.count('items'), 0);
  },
);

test(
  'what questions remember of a view that is written meanwhile keeps nobody from going on',
  SHARED,
  async (t) => {
    const url = emptyDatabase(t);
    const [views, rebuilder] = [await openViews(t, url), await openViews(t, url)];
    const all = patches();
    let isOver = false;
    const asking = Array.from({ length: 8 }, async () => {
      while (!isOver) await views.get('items', 'doc_00');
    });
    try {
      for (const [n, one] of all.entries()) {
        await views.apply({ patches: [one], positions: [at(n + 1)] });
        if (n % 40 !== 39) continue;
        const shadow = await rebuilder.shadow('items');
        await shadow.apply({ patches: all.slice(0, n + 1), positions: [at(n + 1)] });
        assert.equal(await shadow.swap(), true);
      }
    } finally {
      isOver = true;
      await Promise.all(asking);
    }
    assert.deepEqual(await views.positions('items'), { organizations: { 0: all.length } });
  },
);

test('several that open an empty database at the same moment make it once', SHARED, async (t) => {
  const url = emptyDatabase(t);
  const stores = await Promise.all(Array.from({ length: 5 }, () => openViews(t, url)));
  await fill(stores[0] ?? assert.fail(), [{ color: 'red' }]);
  for (const views of stores) assert.equal(await views.count('items'), 1);
});

test(
  'a view of an older version serves until a rebuilt one takes its place; a newer one is refused',
  SHARED,
  async (t) => {
    const url = emptyDatabase(t);
    await fill(await openViews(t, url), [{ color: 'red' }]);
    const NEWER = [{ ...ITEMS, version: 2, indexes: [['color', 'size']] }, OTHERS];
    const newer = await openViews(t, url, NEWER);
    const older = await openViews(t, url);
    assert.deepEqual(fieldsOf(newer.indexes('items')), ITEMS.indexes);
    assert.equal(await newer.count('items'), 1);
    const shadow = await newer.shadow('items');
    await shadow.apply({ patches: [], positions: [at(1)] });
    assert.equal(await shadow.swap(), true);
    await newer.count('items');
    assert.deepEqual(fieldsOf(newer.indexes('items')), [['color', 'size']]);
    await assert.rejects(openViews(t, url), /made by a newer release/);
    // Its patches are not for a view of another shape; what it is asked it may answer.
    await assert.rejects(fill(older, [{ color: 'blue' }]), {
      code: 'VIEWS_UNAVAILABLE',
      message: /rebuilt by a newer release/,
    });
    assert.equal(await older.count('items'), 0);
    await assert.rejects(
      openViews(t, url, [{ ...ITEMS, version: 2 }, OTHERS]),
      /has changed, but not its version/,
    );
  },
);

test('while the server is away everything is unavailable; when it is back, all is there', OWN, async (t) => {
  const server = await startMongod(t);
  const views = await openViews(t, server.url);
  await fill(views, [{ color: 'red' }]);
  await server.stop('SIGKILL');
  await Promise.all(
    [views.get('items', 'doc_00'), views.positions('items'), fill(views, [{ color: 'blue' }])].map((asked) =>
      assert.rejects(asked, ViewsUnavailable),
    ),
  );
  await server.start();
  const found = await waitFor('an answer', () => views.get('items', 'doc_00').catch(isUnavailable), 30_000);
  assert.equal(found.color, 'red');
  await views.apply({ patches: [patch('doc_00', 7, { set: { color: 'green' } })], positions: [at(8)] });
  assert.equal((await views.get('items', 'doc_00'))?.color, 'green');
});

function isUnavailable(error: unknown): undefined {
  assert.ok(error instanceof ViewsUnavailable);
  return undefined;
}

/** That it is refused, in one line that does not tell the password. */
async function refused(t: TestContext, url: string, message: RegExp): Promise<void> {
  await assert.rejects(openViews(t, url), (error: Error) => {
    assert.ok(error instanceof ViewsRefused, error.stack);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n|hunter2/);
    return true;
  });
}

test('a login that is refused, or missing, is told in one line', OWN, async (t) => {
  const { url } = await startMongod(t, { auth: true });
  const as = (name: string, password: string) =>
    url.replace('mongodb://', `mongodb://${name}:${password}@`).replace('/?', '/hooklane?authSource=admin&');
  await (await openViews(t, as(SUPERUSER.username, SUPERUSER.password))).count('items');
  await refused(t, as(SUPERUSER.username, 'hunter2'), /^MongoDB at 127\.0\.0\.1:\d+ refused the login: /);
  await refused(t, url, /^MongoDB at 127\.0\.0\.1:\d+ does not allow what is needed: /);
});

test('an address where nobody is, or that is none, is told in one line', async (t) => {
  await refused(
    t,
    'mongodb://ann:hunter2@127.0.0.1:9/x',
    /^MongoDB at 127\.0\.0\.1:9 cannot be reached: .*ECONNREFUSED/,
  );
  await refused(
    t,
    'mongodb://ann:hunter2@127.0.0.1:9/?nonsense=1',
    /^HOOKLANE_VIEWS is not a URL of MongoDB: .*nonsense/,
  );
});

test('a server that is too old is refused', () => {
  assert.equal(whyTooOld('5.0.31'), 'MongoDB 5.0.31 is too old: 6.0 or newer is needed');
  for (const version of ['6.0.0', '7.0.2', '8.2', '10.0.0-rc1']) assert.equal(whyTooOld(version), undefined);
});
