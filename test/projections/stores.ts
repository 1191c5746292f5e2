// A real log and real read models in a directory of the test's own, closed after it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import type { Log } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { projections } from '../../src/projections/all.ts';
import { type Projector, startProjector } from '../../src/projections/projector.ts';
import { reachedEnd } from '../../src/projections/reached.ts';
import { processTime } from '../../src/time.ts';
import { canonicalJson } from '../../src/views/patch.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import type { Views } from '../../src/views/views.ts';
import { temporaryDirectory } from '../support/directory.ts';

const logger = pino({ level: 'silent' });
const definitions = projections.map(({ definition }) => definition);

export interface Stores {
  directory: string;
  log: Log;
  views: Views;
  /** One more handle on the read models. */
  openViews(): Views;
  /** Starts a projector, on these views or on others. */
  follow(views?: Views): Projector;
}

/** What is opened is closed after the test, the newest first. */
export function openStores(t: TestContext): Stores {
  const opened: { close(): Promise<void> }[] = [];
  t.after(async () => {
    for (const one of opened.toReversed()) await one.close();
  });
  const directory = temporaryDirectory(t);
  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };
  const log = keep(openSqliteLog({ directory, partitions: 2, serve: true }));
  const openViews = () => keep(openSqliteViews({ directory, definitions }));
  const views = openViews();
  const follow = (on = views) =>
    keep(startProjector({ log, views: on, projections, logger, time: processTime() }));
  return { directory, log, views, openViews, follow };
}

/** Waits until all views have taken in what is in the log. */
export async function caughtUp(log: Log, views: Views): Promise<void> {
  assert.ok(await reachedEnd(log, { views, projections, withinMs: 20_000 }), 'the projector has caught up');
}

/** Every document of every view, as canonical JSON. */
export async function everything(views: Views): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {};
  for (const { name } of definitions) {
    const texts: string[] = [];
    for await (const batch of views.scan(name))
      texts.push(...batch.map(({ document }) => canonicalJson(document)));
    all[name] = texts;
  }
  return all;
}

/** Changes a document behind our back: the text `from` of it becomes `to`. */
export function tamper(directory: string, view: string, from: string, to: string): void {
  // A server may be writing.
  const db = new DatabaseSync(join(directory, 'views.db'), { timeout: 5_000 });
  try {
    const generation = db.prepare('SELECT generation FROM views WHERE view = ?').get(view)?.generation;
    const change = db.prepare(
      `UPDATE ${view}_${generation} SET doc = replace(doc, ?, ?) WHERE instr(doc, ?)`,
    );
    assert.equal(change.run(from, to, from).changes, 1);
  } finally {
    db.close();
  }
}
