// Read models as they stand after a history, and what may be asked of them.

import type { TestContext } from 'node:test';
import { type HooklaneEvent, TOPIC_OF } from '../../src/events.ts';
import { projections } from '../../src/projections/all.ts';
import { projectBatch } from '../../src/projections/project.ts';
import { createQueries, type Queries } from '../../src/query/queries.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import type { Patch, Views } from '../../src/views/views.ts';
import { AT_MS } from '../projections/facts.ts';
import { temporaryDirectory } from '../support/directory.ts';

export interface Asked {
  views: Views;
  queries: Queries;
  /** Goes on with the history. */
  happened(...events: HooklaneEvent[]): Promise<void>;
}

/** An hour after AT. */
export const NOW_MS = AT_MS + 3_600_000;

export async function after(t: TestContext, ...history: HooklaneEvent[]): Promise<Asked> {
  let views: Views | undefined;
  t.after(() => views?.close());
  const definitions = projections.map(({ definition }) => definition);
  const opened = openSqliteViews({ directory: temporaryDirectory(t), definitions });
  views = opened;
  let offset = 0;
  const happened = async (...events: HooklaneEvent[]) => {
    const patches: Patch[] = [];
    for (const event of events) {
      const at = { topic: TOPIC_OF[event.type], partition: 0 };
      const batch = { ...at, events: [{ ...at, offset, event }], next: ++offset, end: offset };
      patches.push(...projectBatch(projections, batch).patches);
    }
    await opened.apply({ patches, positions: [] });
  };
  await happened(...history);
  return { views: opened, queries: createQueries({ views: opened, clock: () => NOW_MS }), happened };
}

/** The ids of a page. */
export async function ids(page: ReturnType<Queries['list']>): Promise<unknown[]> {
  return (await page).items.map((item) => item.id);
}

/** The ids of all pages, one page after the other; `between` is done before each page but the first. */
export async function allPages(
  queries: Queries,
  [resource, filters]: Parameters<Queries['list']>,
  between: () => Promise<void> = async () => {},
): Promise<unknown[][]> {
  const pages: unknown[][] = [];
  let cursor: string | null | undefined;
  while (cursor !== null) {
    if (cursor !== undefined) await between();
    const page = await queries.list(resource, { ...filters, ...(cursor === undefined ? {} : { cursor }) });
    pages.push(page.items.map(({ id }) => id));
    cursor = page.cursor;
  }
  return pages;
}
