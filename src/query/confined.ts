// Read models as who is bound to one organization may see them: here, for all that is asked of them, so that no query can
// forget it. What says of no organization that it belongs to it is not there.

import type { OrganizationId } from '../ids.ts';
import type { Condition, Document, Views } from '../views/views.ts';

/** What queries ask of the read models. */
export type ReadViews = Pick<Views, 'get' | 'find'>;

/** Only what belongs to the organization, and itself. */
export function confinedTo(organizationId: OrganizationId, views: ReadViews): ReadViews {
  const ownerOf = (view: string) => (view === 'organizations' ? 'id' : 'organizationId');
  return {
    async get(view, id) {
      const document: Document | undefined = await views.get(view, id);
      return document?.[ownerOf(view)] === organizationId ? document : undefined;
    },
    find(view, query) {
      const isOwn: Condition = { field: ownerOf(view), eq: organizationId };
      return views.find(view, { ...query, where: [isOwn, ...(query.where ?? [])] });
    },
  };
}
