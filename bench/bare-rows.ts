// What the documents of read models cost at least: their rows put into tables and indexes like theirs, by one prepared
// statement a table, 1,000 a transaction, and nothing else.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const ROWS = 1_000;

/** Copies the live read models of a data directory into a new file; resolves to how many rows, and in how many seconds. */
export function insertBare(data: string): { rows: number; seconds: number } {
  const source = new DatabaseSync(join(data, 'views.db'), { readOnly: true });
  const directory = mkdtempSync(join(tmpdir(), 'hooklane-bare-'));
  const target = new DatabaseSync(join(directory, 'bare.db'));
  target.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  const sum = { rows: 0, seconds: 0 };
  for (const { view, generation } of source.prepare('SELECT view, generation FROM views').all()) {
    const table = `${view}_${generation}`;
    const schema = source.prepare(
      'SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY rowid',
    );
    for (const { sql } of schema.all(table)) target.exec(String(sql));
    const rows = source
      .prepare(`SELECT * FROM ${table} ORDER BY id`)
      .all()
      .map((row) => Object.values(row));
    if (rows.length === 0) continue;
    const insert = target.prepare(`INSERT INTO ${table} VALUES (${rows[0]?.map(() => '?').join(', ')})`);
    const startedMs = performance.now();
    for (let from = 0; from < rows.length; from += ROWS) {
      target.exec('BEGIN');
      for (const row of rows.slice(from, from + ROWS)) insert.run(...row);
      target.exec('COMMIT');
    }
    sum.seconds += (performance.now() - startedMs) / 1_000;
    sum.rows += rows.length;
  }
  target.close();
  source.close();
  rmSync(directory, { recursive: true });
  return sum;
}
