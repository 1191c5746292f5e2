// Read models as who is bound to one organization may see them: here, for all that is asked of them, so that no query can
// forget it. What says of no organization that it belongs to it is not there.

import type { OrganizationId } from '../ids.ts';
import type { Document, Views } from '../views/views.ts';

/** What queries ask of the read models. */
export type ReadViews = Pick<Views, 'get' | 'find' | 'indexes'>;

/** What has one of these is of one thing, and so of the organization of that. */
const OF_ONE_THING: readonly string[] = ['projectId', 'integrationId', 'endpointId', 'eventId'];
/** Of those the one that no index has behind the organization. */
const ALONE = 'eventId';

/** Only what belongs to the organization, and itself. */
export function confinedTo(organizationId: OrganizationId, views: ReadViews): ReadViews {
  const ownerOf = (view: string) => (view === 'organizations' ? 'id' : 'organizationId');
  const isOwn = (view: string, document: Document) => document[ownerOf(view)] === organizationId;
  return {
    async get(view, id) {
      const document = await views.get(view, id);
      return document !== undefined && isOwn(view, document) ? document : undefined;
    },
    async find(view, query) {
      const { where = [] } = query;
      // Then the engine is to go by that, and finds nothing else than its own, unless it is of somebody else.
      if (where.some((condition) => 'eq' in condition && condition.field === ALONE))
        return (await views.find(view, query)).filter((document) => isOwn(view, document));
      const own = { field: ownerOf(view), eq: organizationId };
      const saysSo = where.some(
        (condition) => condition.field === own.field && 'eq' in condition && condition.eq === own.eq,
      );
      return views.find(view, saysSo ? query : { ...query, where: [own, ...where] });
    },
    /** Those that go through what others have as well are none. */
    indexes: (view) =>
      views
        .indexes(view)
        .filter(({ fields }) =>
          fields.some((field) => field === ownerOf(view) || OF_ONE_THING.includes(field)),
        ),
  };
}
