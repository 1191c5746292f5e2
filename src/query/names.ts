// Names work wherever ids do: what a name stands for, and whether it is still there.

import { isId } from '../ids.ts';
import type { Document } from '../views/views.ts';
import type { ReadViews } from './confined.ts';
import { ambiguous, NotFound } from './errors.ts';
import type { NamedKind } from './filters.ts';

export interface Names {
  /** What is named. Throws NotFound, or InvalidQuery if several have the name. */
  resolve(kind: NamedKind, idOrName: string): Promise<Document>;
  /** What is named; by its id also what is deleted, as its history is still there. Throws as resolve(). */
  everWas(kind: NamedKind, idOrName: string): Promise<Document>;
  /** Whether neither the thing nor what it belongs to is deleted. */
  isAlive(document: Document): Promise<boolean>;
}

export const KINDS = {
  organization: { view: 'organizations', prefix: 'org', name: 'name' },
  project: { view: 'projects', prefix: 'prj', name: 'name' },
  integration: { view: 'integrations', prefix: 'int', name: 'name' },
  endpoint: { view: 'endpoints', prefix: 'ep', name: 'url' },
  token: { view: 'tokens', prefix: 'tok', name: 'name' },
} as const satisfies Record<NamedKind, object>;

/** Of what an id is one; undefined: it is none, or of something that has no name. */
export function kindOf(id: string): NamedKind | undefined {
  return (Object.keys(KINDS) as NamedKind[]).find((kind) => isId(KINDS[kind].prefix, id));
}

/** Of about as many namesakes are told. */
const MAX_NAMESAKES = 10;
const PAGE_DOCUMENTS = 50;
/** No id sorts after it. */
const LAST_ID = '~';

export function createNames(views: ReadViews): Names {
  async function isAlive(document: Document | undefined): Promise<boolean> {
    if (document === undefined || (document.deletedAt ?? null) !== null) return false;
    const { organizationId, projectId } = document;
    if (typeof projectId === 'string' && !(await isAlive(await views.get('projects', projectId))))
      return false;
    return typeof organizationId !== 'string' || isAlive(await views.get('organizations', organizationId));
  }

  const names: Names = {
    isAlive,
    async everWas(kind, idOrName) {
      const { view, prefix } = KINDS[kind];
      if (!isId(prefix, idOrName)) return names.resolve(kind, idOrName);
      const document = await views.get(view, idOrName);
      if (document === undefined) throw new NotFound(kind, idOrName);
      return document;
    },
    async resolve(kind, idOrName) {
      const { view, prefix, name } = KINDS[kind];
      if (isId(prefix, idOrName)) {
        const document = await views.get(view, idOrName);
        if (document !== undefined && (await isAlive(document))) return document;
        throw new NotFound(kind, idOrName);
      }
      const where = [
        { field: name, eq: idOrName },
        { field: 'deletedAt', eq: null },
      ];
      const namesakes: Document[] = [];
      // Namesakes whose organization or project is deleted may stand before one that lives.
      for (
        let before: string | undefined = LAST_ID;
        before !== undefined && namesakes.length < MAX_NAMESAKES;
      ) {
        const page = await views.find(view, { where, limit: PAGE_DOCUMENTS, before });
        for (const document of page) if (await isAlive(document)) namesakes.push(document);
        before = page.length < PAGE_DOCUMENTS ? undefined : page.at(-1)?.id;
      }
      const [document, ...others] = namesakes;
      if (document === undefined) throw new NotFound(kind, idOrName);
      if (others.length === 0) return document;
      const ids = namesakes.map(({ id }) => id);
      throw ambiguous(kind, idOrName, ids);
    },
  };
  return names;
}
