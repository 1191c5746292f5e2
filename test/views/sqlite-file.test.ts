// The file views.db: what is not ours stays as it is, what was deleted is made anew, and processes share it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { shapeOf } from '../../src/views/definition.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import { findSql } from '../../src/views/sqlite-query.ts';
import {
  RebuildRuns,
  type ViewDefinition,
  type Views,
  ViewsRefused,
  ViewsUnavailable,
} from '../../src/views/views.ts';
import { at, fieldsOf, fill, ITEMS, idOf, idsOf, OTHERS, patch } from '../contract/views-kit.ts';
import { temporaryDirectory } from '../support/directory.ts';

const definitions = [ITEMS, OTHERS];

/** A directory for views that are closed before it goes. */
function storeFor(t: TestContext) {
  const handles: Views[] = [];
  t.after(() => Promise.all(handles.map((handle) => handle.close())));
  const directory = temporaryDirectory(t);
  const open = (declared: readonly ViewDefinition[] = definitions) => {
    const views = openSqliteViews({ directory, definitions: declared });
    handles.push(views);
    return views;
  };
  return { directory, path: join(directory, 'views.db'), open };
}

/** Works on a database file as another program would. */
function inFile<T>(path: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** Opening is refused with this message, and the file stays as it is. */
function assertRefused({ path, open }: ReturnType<typeof storeFor>, message: RegExp): void {
  const before = readFileSync(path);
  assert.throws(open, (error) => {
    assert.ok(error instanceof ViewsRefused, String(error));
    assert.equal(error.code, 'VIEWS_REFUSED');
    assert.match(error.message, message);
    return true;
  });
  assert.deepEqual(readFileSync(path), before);
}

test('what was written is there after a close, also in a directory that is made for it', async (t) => {
  const { directory } = storeFor(t);
  const nested = join(directory, 'a', 'b');
  const first = openSqliteViews({ directory: nested, definitions });
  await fill(first, [{ color: 'red' }]);
  await first.close();
  const second = openSqliteViews({ directory: nested, definitions });
  t.after(() => second.close());
  assert.deepEqual(await idsOf(second, { where: [{ field: 'color', eq: 'red' }] }), ['doc_00']);
  assert.deepEqual(await second.positions('items'), { organizations: { 0: 1 } });
});

test('a file that is no database is refused and left as it is', (t) => {
  const store = storeFor(t);
  writeFileSync(store.path, 'my diary\n'.repeat(100));
  assertRefused(store, /not a SQLite database.*rebuilt from the log/);
});

test('a short file is refused and left as it is', (t) => {
  const store = storeFor(t);
  writeFileSync(store.path, 'SQLite');
  assertRefused(store, /not a SQLite database/);
});

test('a database of another program is refused and left as it is', (t) => {
  const store = storeFor(t);
  inFile(store.path, (db) => db.exec('CREATE TABLE diary (day TEXT)'));
  assertRefused(store, /belongs to another program/);
});

test('a file of a newer format is refused and left as it is', async (t) => {
  const store = storeFor(t);
  await store.open().close();
  inFile(store.path, (db) => db.exec('PRAGMA user_version = 99'));
  assertRefused(store, /newer release/);
});

test('a view of a newer version is refused, and not changed', async (t) => {
  const { open } = storeFor(t);
  const newer = open([{ ...ITEMS, version: 2 }, OTHERS]);
  await fill(newer, [{ color: 'red' }]);
  assert.throws(() => open(), /newer release/);
  assert.deepEqual(await idsOf(newer, {}), ['doc_00']);
});

test('a corrupt file is refused and left as it is', async (t) => {
  const store = storeFor(t);
  const views = store.open();
  await fill(views, [{ color: 'red' }]);
  await views.close();
  const bytes = readFileSync(store.path);
  // All but the header, by which the file is known.
  bytes.fill(0xa5, 100);
  writeFileSync(store.path, bytes);
  assertRefused(store, /corrupt/);
});

test('a file that was cut off is refused and left as it is', async (t) => {
  const store = storeFor(t);
  await store.open().close();
  writeFileSync(store.path, readFileSync(store.path).subarray(0, 4_096));
  assertRefused(store, /corrupt/);
});

test('a directory where the file should be is ViewsUnavailable or ViewsRefused, not a bug', (t) => {
  const { directory } = storeFor(t);
  writeFileSync(join(directory, 'file'), '');
  const inFileDirectory = () => openSqliteViews({ directory: join(directory, 'file'), definitions });
  assert.throws(inFileDirectory, ViewsUnavailable);
});

test('an empty file is taken for none, as is one that was deleted', async (t) => {
  const { path, open } = storeFor(t);
  writeFileSync(path, '');
  const first = open();
  await fill(first, [{ color: 'red' }]);
  await first.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  const second = open();
  assert.deepEqual(await second.positions('items'), {});
  assert.equal(await second.count('items'), 0);
  assert.ok(existsSync(path));
});

test('a view that is declared for the first time is made, beside those that are there', async (t) => {
  const { open } = storeFor(t);
  const one = open([ITEMS]);
  await fill(one, [{ color: 'red' }]);
  const two = open();
  assert.equal(await two.count('others'), 0);
  assert.equal(await two.count('items'), 1);
  await fill(one, [{}, { color: 'blue' }]);
  assert.equal(await two.count('items'), 2);
});

test('a view of an older version serves, and takes in what comes, until a rebuilt one takes its place', async (t) => {
  const { open } = storeFor(t);
  const older = open();
  await fill(older, [{ color: 'red', weight: 3 }]);
  await older.close();
  const newer = open([
    {
      ...ITEMS,
      version: 2,
      topics: ['organizations', 'inbound', 'outbound'],
      indexes: [['weight'], ['owner']],
      nested: ['weight', 'owner'],
      sparse: ['weight'],
      usual: { weight: [0] },
    },
    OTHERS,
  ]);
  assert.equal(await newer.isOutdated('items'), true);
  assert.deepEqual(fieldsOf(newer.indexes('items')), ITEMS.indexes);
  await newer.apply({
    patches: [patch('doc_01', 1, { set: { weight: 3 } }), patch('doc_02', 0, {}, 'outbound')],
    positions: [at(2), at(1, 'outbound')],
  });
  assert.deepEqual(await idsOf(newer, { where: [{ field: 'weight', eq: 3 }] }), ['doc_01', 'doc_00']);
  const shadow = await newer.shadow('items');
  await shadow.apply({
    patches: [patch('doc_02', 0, { set: { weight: 4 } }, 'outbound')],
    positions: [at(2), at(1, 'outbound')],
  });
  assert.equal(await shadow.swap(), true);
  assert.equal(await newer.isOutdated('items'), false);
  assert.deepEqual(fieldsOf(newer.indexes('items')), [['weight'], ['weight', 'owner']]);
  assert.deepEqual(await idsOf(newer, {}), ['doc_02']);
  assert.deepEqual(await idsOf(newer, { where: [{ field: 'weight', eq: 4 }] }), ['doc_02']);
});

test('a view whose indexes leave out what they would not leave out now is outdated', async (t) => {
  const { open } = storeFor(t);
  await open().close();
  const otherwise = open([{ ...ITEMS, sparse: [], usual: {} }, OTHERS]);
  assert.equal(await otherwise.isOutdated('items'), true);
  assert.equal(await otherwise.isOutdated('others'), false);
  const shadow = await otherwise.shadow('items');
  assert.equal(await shadow.swap(), true);
  assert.equal(await otherwise.isOutdated('items'), false);
});

test('an index that changes without the version is a bug that is told', async (t) => {
  const { open } = storeFor(t);
  await open().close();
  assert.throws(() => open([{ ...ITEMS, indexes: [], sparse: [], usual: {} }, OTHERS]), /not its version/);
  assert.throws(() => open([{ ...ITEMS, nested: ['owner', 'color'] }, OTHERS]), /not its version/);
});

test('a view declared wrongly is a bug that is told, before anything is made', (t) => {
  const { path, open } = storeFor(t);
  const wrong: Partial<ViewDefinition>[] = [
    { name: 'drop table' },
    { name: '' },
    { version: 0 },
    { topics: [] },
    { indexes: [[]] },
    { indexes: [['a"b']] },
    { indexes: [['id']] },
    { usual: { done: ["it's"] } },
    { usual: { done: [0.5] } },
    { usual: { name: ['x'] } },
    { nested: ['name'] },
    { nested: ['color', 'color'] },
  ];
  for (const part of wrong) assert.throws(() => open([{ ...ITEMS, ...part }]), JSON.stringify(part));
  assert.throws(() => open([ITEMS, { ...ITEMS, name: 'Items' }]));
  assert.equal(existsSync(path), false);
});

test('shadows leave nothing behind: neither tables nor positions', async (t) => {
  const { path, open } = storeFor(t);
  const views = open();
  await fill(views, [{ color: 'red' }]);
  for (let round = 0; round < 3; round++) {
    await (await views.shadow('items')).apply({ patches: [], positions: [at(9)] });
    const shadow = await views.shadow('items', { deadAfterMs: 0 });
    await shadow.apply({ patches: [], positions: [at(9)] });
    if (round < 2) assert.equal(await shadow.swap(), true);
    else await shadow.drop();
  }
  await views.close();
  inFile(path, (db) => {
    const count = (sql: string) => Number(db.prepare(sql).get()?.n);
    assert.equal(
      count("SELECT count(*) n FROM sqlite_schema WHERE type = 'table' AND name LIKE 'items%'"),
      1,
    );
    assert.equal(count('SELECT count(*) n FROM shadows'), 0);
    assert.equal(
      count('SELECT count(*) n FROM positions WHERE generation NOT IN (SELECT generation FROM views)'),
      0,
    );
  });
});

test('a shadow writes a document that many events change seldom, and gathers no more than it may', async (t) => {
  const { path, open } = storeFor(t);
  const views = open();
  const shadow = await views.shadow('items');
  const [{ generation, n: before } = {}] = inFile(path, (db) =>
    db.prepare('SELECT generation, (SELECT count(*) FROM positions) n FROM shadows').all(),
  );
  const written = () =>
    inFile(path, (db) => Number(db.prepare(`SELECT count(*) n FROM items_${generation}`).get()?.n));
  for (let offset = 0; offset < 20; offset++) {
    const patches = [patch(idOf(offset % 2), offset, { put: { seen: { [offset]: true } } })];
    await shadow.apply({ patches, positions: [at(offset + 1)] });
  }
  assert.deepEqual([written(), before], [0, 0]);
  assert.deepEqual(await shadow.positions(), { organizations: { 0: 20 } });
  assert.equal(written(), 2);
  const text = 'x'.repeat(2 ** 20);
  for (let offset = 20; offset < 60; offset++) {
    const patches = [patch(idOf(offset), offset, { set: { text } })];
    await shadow.apply({ patches, positions: [at(offset + 1)] });
  }
  // A MiB each: eight at most are not written yet.
  assert.ok(written() >= 2 + 40 - 8 && written() < 42, String(written()));
  // One that is written already is changed as well as one that is not.
  for (const id of [idOf(20), idOf(59)])
    await shadow.apply({ patches: [patch(id, 60, { set: { color: 'red' } })], positions: [at(61)] });
  assert.equal(await shadow.swap(), true);
  assert.equal(await views.count('items'), 42);
  assert.deepEqual(await idsOf(views, { where: [{ field: 'color', eq: 'red' }] }), [idOf(59), idOf(20)]);
  assert.equal(Object.keys((await views.get('items', idOf(1)))?.seen ?? {}).length, 10);
});

test('whoever fills several shadows and works at one of them, as at its indexes for long, is alive for all', async (t) => {
  const { open } = storeFor(t);
  const [views, other] = [open(), open()];
  const first = await views.shadow('items');
  const second = await views.shadow('others');
  const { now } = Date;
  t.after(() => {
    Date.now = now;
  });
  for (let round = 1; round < 4; round++) {
    const laterMs = Date.now() + 20_000;
    Date.now = () => laterMs;
    await first.apply({ patches: [], positions: [at(round)] });
  }
  await assert.rejects(other.shadow('others'), RebuildRuns);
  await assert.doesNotReject(second.positions());
  // What another has begun instead is not kept alive by it.
  await other.shadow('others', { deadAfterMs: 0 });
  const laterMs = Date.now() + 31_000;
  Date.now = () => laterMs;
  await first.apply({ patches: [], positions: [at(9)] });
  await (await views.shadow('others')).drop();
});

for (const rebuilt of [false, true]) {
  const of = rebuilt ? 'of a view that was rebuilt ' : '';
  test(`${of}equality and newest first are answered from the index, without a sort, page after page`, async (t) => {
    const { path, open } = storeFor(t);
    const views = open();
    await fill(views, [{ color: 'red' }]);
    if (rebuilt) {
      const shadow = await views.shadow('items');
      await shadow.apply({ patches: [patch('doc_00', 0, { set: { color: 'red' } })], positions: [at(1)] });
      assert.equal(await shadow.swap(), true);
    }
    await views.close();
    inFile(path, (db) => {
      const table = `items_${db.prepare("SELECT generation FROM views WHERE view = 'items'").get()?.generation}`;
      const planOf = (where: Parameters<typeof findSql>[1]['where'], before?: string) => {
        const query = { limit: 10, ...(where ? { where } : {}), ...(before ? { before } : {}) };
        const { sql, values } = findSql({ table, shape: shapeOf(ITEMS), from: 'doc' }, query);
        return db
          .prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .all(...values)
          .map(({ detail }) => String(detail));
      };
      const red = { field: 'color', eq: 'red' };
      for (const plan of [
        planOf([red]),
        planOf([red], 'doc_00'),
        planOf([{ field: 'color', eq: null }], 'doc_00'),
        planOf([red, { field: 'plain', eq: 1 }]),
        planOf([red, { field: 'id', from: 'a', to: 'b' }]),
        planOf([{ field: 'owner', eq: 'me' }, red], 'doc_00'),
      ]) {
        assert.equal(plan.length, 1, plan.join('; '));
        assert.match(plan[0] ?? '', /^SEARCH items_\d+ USING INDEX items_\d+_[03] /);
      }
      for (const plan of [planOf([]), planOf([{ field: 'plain', eq: 1 }], 'doc_00')]) {
        assert.doesNotMatch(plan.join('; '), /TEMP B-TREE/);
      }
      assert.match(planOf([{ field: 'id', eq: 'doc_00' }])[0] ?? '', /^SEARCH .*\(id=\?\)/);
      // What is not to be seen any more (`from`) ends a walk, and does not take the place of a better index.
      assert.match(planOf([red])[0] ?? '', /\(f_color=\? AND id>\?\)/);
      assert.match(planOf([{ field: 'color', prefix: 'r' }])[0] ?? '', /USING INDEX items_\d+_0 \(f_color>/);
    });
  });
}

test('a process that reads beside a writer sees batches whole, and all of them', async (t) => {
  const { directory, open } = storeFor(t);
  const views = open();
  const script = join(import.meta.dirname, 'sqlite-file-reader.ts');
  const reader = spawn(process.execPath, [script, directory, '300'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => reader.kill());
  const exited = once(reader, 'exit');
  await once(reader.stdout, 'data');
  for (let i = 0; i < 300; i += 10) {
    const patches = Array.from({ length: 10 }, (_, n) =>
      patch(`doc_${String(i + n).padStart(3, '0')}`, i + n, { set: { color: 'red', text: 'x'.repeat(500) } }),
    );
    await views.apply({ patches, positions: [at(i + 10)] });
  }
  assert.deepEqual(await exited, [0, null]);
});

test('a writer waits for one in another process no longer than its bound, then says it is unavailable', async (t) => {
  const { path, open } = storeFor(t);
  const views = open();
  const other = new DatabaseSync(path);
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  assert.deepEqual(await idsOf(views, {}), []);
  await assert.rejects(fill(views, [{}]), (error) => {
    assert.ok(error instanceof ViewsUnavailable);
    assert.equal(error.code, 'VIEWS_UNAVAILABLE');
    return true;
  });
  other.exec('ROLLBACK');
  await fill(views, [{}]);
  assert.deepEqual(await idsOf(views, {}), ['doc_00']);
});

test('a patch of a view that is not declared, or from a topic it is not made from, is a bug and changes nothing', async (t) => {
  const { open } = storeFor(t);
  const views = open();
  const good = patch('doc_00', 0, { set: { color: 'red' } });
  const undeclared = { ...good, view: 'strangers' };
  const strange = patch('doc_01', 0, {}, 'outbound');
  for (const bad of [undeclared, strange]) {
    await assert.rejects(
      views.apply({ patches: [good, bad], positions: [at(1)] }),
      (error) => !(error instanceof ViewsUnavailable),
    );
  }
  assert.deepEqual(await idsOf(views, {}), []);
  assert.deepEqual(await views.positions('items'), {});
});

test('the size is that of the files', async (t) => {
  const { path, open } = storeFor(t);
  const views = open();
  await fill(views, [{ text: 'x'.repeat(100_000) }]);
  assert.equal(await views.size(), statSync(path).size + statSync(`${path}-wal`).size);
  assert.ok((await views.size()) > 100_000);
});
