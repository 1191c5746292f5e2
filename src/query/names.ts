// Names work wherever ids do: what a name stands for, and whether it is still there.

import { isId } from '../ids.ts';
import type { Document, Views } from '../views/views.ts';
import { InvalidQuery, NotFound } from './errors.ts';
import type { NamedKind } from './filters.ts';

export interface Names {
  /** The id of what is named. Throws NotFound, or InvalidQuery if several have the name. */
  resolve(kind: NamedKind, idOrName: string): Promise<string>;
  /** Whether neither the thing nor what it belongs to is deleted. */
  isAlive(document: Document): Promise<boolean>;
}

const KINDS = {
  organization: { view: 'organizations', prefix: 'org', name: 'name' },
  project: { view: 'projects', prefix: 'prj', name: 'name' },
  integration: { view: 'integrations', prefix: 'int', name: 'name' },
  endpoint: { view: 'endpoints', prefix: 'ep', name: 'url' },
} as const;

/** Of about as many namesakes are told. */
const MAX_NAMESAKES = 10;
const PAGE_DOCUMENTS = 50;
/** No id sorts after it. */
const LAST_ID = '~';

export function createNames(views: Views): Names {
  async function isAlive(document: Document | undefined): Promise<boolean> {
    if (document === undefined || (document.deletedAt ?? null) !== null) return false;
    const { organizationId, projectId } = document;
    if (typeof projectId === 'string' && !(await isAlive(await views.get('projects', projectId))))
      return false;
    return typeof organizationId !== 'string' || isAlive(await views.get('organizations', organizationId));
  }

  return {
    isAlive,
    async resolve(kind, idOrName) {
      const { view, prefix, name } = KINDS[kind];
      if (isId(prefix, idOrName)) {
        if (await isAlive(await views.get(view, idOrName))) return idOrName;
        throw new NotFound(kind, idOrName);
      }
      const where = [
        { field: name, eq: idOrName },
        { field: 'deletedAt', eq: null },
      ];
      const namesakes: string[] = [];
      // Namesakes whose organization or project is deleted may stand before one that lives.
      for (
        let before: string | undefined = LAST_ID;
        before !== undefined && namesakes.length < MAX_NAMESAKES;
      ) {
        const page = await views.find(view, { where, limit: PAGE_DOCUMENTS, before });
        for (const document of page) if (await isAlive(document)) namesakes.push(document.id);
        before = page.length < PAGE_DOCUMENTS ? undefined : page.at(-1)?.id;
      }
      const [id, ...others] = namesakes;
      if (id === undefined) throw new NotFound(kind, idOrName);
      if (others.length === 0) return id;
      throw new InvalidQuery(kind, `several are called ${JSON.stringify(idOrName)}: ${namesakes.join(', ')}`);
    },
  };
}
