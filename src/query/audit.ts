// What administration has changed: who, what and of which thing, as the read model `audit` has it, and what they are called.
// Names are those of today, or the last ones of what is deleted; what may not be seen has none.

import type { Document } from '../views/views.ts';
import type { ReadViews } from './confined.ts';
import { belongedTo, type Filter, since, until } from './filters.ts';
import { KINDS, kindOf } from './names.ts';
import type { Item } from './shapes.ts';

/** Who is no token: the admin token, the first start, and commands beside the log, of one user or of all. */
const NO_TOKEN = /^(root|start|cli(:.*)?)$/s;

/** Who did it: `root`, `start`, `cli`, `cli:deploy`, or a token by its id or name. */
const by: Filter = async (text, { resolve }) => {
  const field = 'by';
  if (text === 'cli') return { where: [], keep: ({ by: who }) => String(who).startsWith('cli:') };
  if (NO_TOKEN.test(text) || kindOf(text) === 'token') return { where: [{ field, eq: text }] };
  return { where: [{ field, eq: (await resolve('token', text)).id }] };
};

export const AUDIT_FILTERS = {
  org: belongedTo('organization'),
  by,
  since: since('aud'),
  until: until('aud'),
};

/** An entry as it is shown, but for names, which are to come. */
export function auditEntry(entry: Document): Item {
  const { id, at = null, by: who = null, what = null, objectId = null, organizationId = null } = entry;
  return {
    ...{ id, at, by: who, byName: null, what },
    ...{ objectId, objectName: null, organizationId, organizationName: null },
  };
}

/** The entries with the names of who did it, of what it was done to, and of the organization. */
export async function withNames(views: ReadViews, items: readonly Item[]): Promise<Item[]> {
  const known = new Map<string, Promise<string | null>>();
  const nameOf = (id: Item[string] = null): Promise<string | null> => {
    const text = String(id);
    const name = known.get(text) ?? lookUp(text);
    known.set(text, name);
    return name;
  };
  async function lookUp(id: string): Promise<string | null> {
    const kind = kindOf(id);
    if (kind === undefined) return null;
    const { view, name } = KINDS[kind];
    const value = (await views.get(view, id))?.[name];
    return typeof value === 'string' ? value : null;
  }
  return Promise.all(
    items.map(async (item) => ({
      ...item,
      byName: await nameOf(item.by),
      objectName: await nameOf(item.objectId),
      organizationName: await nameOf(item.organizationId),
    })),
  );
}
