// What CLI and HTTP may ask of the read models. Lists are newest first, in pages; a page that is reached by a cursor
// shows nothing newer than the first page did.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { isId, type OrganizationId, siblingId } from '../ids.ts';
import type { Clock } from '../time.ts';
import type { Equality } from '../views/definition.ts';
import type { Condition, Document, Fields } from '../views/views.ts';
import { withNames } from './audit.ts';
import { confinedTo, type ReadViews } from './confined.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { InvalidQuery, NotFound, PayloadGone } from './errors.ts';
import { type Filtered, type NamedKind, unknownFilter } from './filters.ts';
import { findGroups, GROUP_FILTERS } from './groups.ts';
import { causeOf, withDeliveries } from './links.ts';
import { createNames } from './names.ts';
import { planned } from './plan.ts';
import { requestBody } from './request-body.ts';
import { RESOURCES, type Resource, type ResourceName } from './resources.ts';
import * as shapes from './shapes.ts';
import { countDeliveries, DEFAULT_SINCE } from './stats.ts';

export const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
/** Documents that filters which no index answers may look at for one page. */
const MAX_EXAMINED = 5_000;

/** Documents that are read at a time for it. More than MAX_LIMIT. */
const CHUNK_DOCUMENTS = 500;

/** Filters by name, as people write them; `limit` and `cursor` among them. */
export type Filters = Readonly<Record<string, string>>;

export interface Page {
  items: shapes.Item[];
  /** For the next page; null: this is the last one. */
  cursor: string | null;
}

export interface Stats {
  by: string;
  /** A row for each endpoint, kind or hour: `key`, counts by status, `successRate` 0 to 1, `attempts`, latencies. */
  items: shapes.Item[];
  /** The same of all together. */
  total: shapes.Item;
}

/** What must be known to make a webhook pending again. */
export interface Retryable {
  webhookId: string;
  organizationId: string;
  endpointId: string;
  eventId: string;
  kind: string;
  attemptCount: number;
  status: string;
  body: Buffer;
}

export interface Queries {
  /** The same, as if there were nothing but what belongs to this organization; for null all of it. */
  within(organizationId: OrganizationId | null): Queries;
  /** Throws InvalidQuery for filters that are not known or not well-formed, NotFound for names of nothing. */
  list(resource: ResourceName, filters: Filters): Promise<Page>;
  /** Groups of logs; `sort` is `last`, `first` or `count`. Throws as list() does. */
  groups(filters: Filters): Promise<Page>;
  /** Deliveries counted, of the last 24 h unless `since` says otherwise; `by` is `endpoint`, `event` or `hour`. */
  stats(filters: Filters, signal?: AbortSignal): Promise<Stats>;
  /** What administration has changed; see audit.ts. Throws as list() does. */
  audit(filters: Filters): Promise<Page>;
  /** One thing with all its fields. Throws NotFound. */
  show(resource: ResourceName, idOrName: string): Promise<shapes.Item>;
  /** The id of what is named. Throws NotFound, or InvalidQuery if several have the name. */
  resolve(kind: NamedKind, idOrName: string): Promise<string>;
  /** Throws NotFound, or PayloadGone. */
  retryable(id: string): Promise<Retryable>;
}

export interface QueriesOptions {
  views: ReadViews;
  clock: Clock;
  /** What all that can be asked about meets, as `views` show nothing else. */
  implied?: Equality[];
}

export function createQueries({ views, clock, implied: ofAll = [] }: QueriesOptions): Queries {
  const names = createNames(views);

  async function conditions(
    resource: Pick<Resource, 'filters' | 'deletable'>,
    filters: Filters,
    others: readonly string[] = ['limit', 'cursor'],
  ): Promise<Filtered> {
    const where: Condition[] = resource.deletable ? [{ field: 'deletedAt', eq: null }] : [];
    const implied = [...ofAll];
    const keeps: NonNullable<Filtered['keep']>[] = [];
    for (const [name, text] of Object.entries(filters)) {
      if (others.includes(name)) continue;
      const filter = Object.hasOwn(resource.filters, name) ? resource.filters[name] : undefined;
      if (filter === undefined) throw unknownFilter(name, [...Object.keys(resource.filters), ...others]);
      const filtered = await filter(text, { nowMs: clock(), resolve: names.resolve, everWas: names.everWas });
      where.push(...filtered.where);
      implied.push(...(filtered.implied ?? []));
      if (filtered.keep !== undefined) keeps.push(filtered.keep);
    }
    if (keeps.length === 0) return { where, implied };
    return { where, implied, keep: (document) => keeps.every((keep) => keep(document)) };
  }

  /** Of history there may be millions; of what can be deleted there are few, and most of them are found. */
  async function plan(resource: Resource, filters: Filters, others?: readonly string[]): Promise<Filtered> {
    const filtered = await conditions(resource, filters, others);
    return resource.deletable ? filtered : planned(filtered, views.indexes(resource.view));
  }

  async function list(name: ResourceName, filters: Filters): Promise<Page> {
    const resource: Resource = RESOURCES[name];
    const limit = parseLimit(filters.limit);
    const { where, keep } = await plan(resource, filters);
    // Where little of what is found is kept, small pages would be read one by one to fill a page.
    const chunk = keep === undefined ? limit + 1 : CHUNK_DOCUMENTS;
    const found: Document[] = [];
    let last = filters.cursor === undefined ? undefined : decodeCursor(resource.prefix, filters.cursor);
    for (let examined = 0; found.length <= limit; ) {
      // SQLite answers at once: a server must come to other requests meanwhile.
      if (examined > 0) await nextTurn();
      const page = await views.find(resource.view, {
        where,
        limit: chunk,
        ...(last === undefined ? {} : { before: last }),
      });
      for (const document of page) {
        if (keep !== undefined && !keep(document)) continue;
        if (!resource.deletable || (await names.isAlive(document))) found.push(document);
      }
      examined += page.length;
      last = page.at(-1)?.id ?? last;
      if (page.length < chunk) break;
      if (examined >= MAX_EXAMINED && found.length <= limit)
        return { items: found.map(resource.summary), cursor: last === undefined ? null : encodeCursor(last) };
    }
    const items = found.slice(0, limit);
    const end = found.length > limit ? items.at(-1) : undefined;
    return { items: items.map(resource.summary), cursor: end === undefined ? null : encodeCursor(end.id) };
  }

  async function find(name: ResourceName, idOrName: string): Promise<Document> {
    const { view, prefix, noun, deletable }: Resource = RESOURCES[name];
    if (deletable) return names.resolve(noun as NamedKind, idOrName);
    const document = isId(prefix, idOrName) ? await views.get(view, idOrName) : undefined;
    if (document === undefined) throw new NotFound(noun, idOrName);
    return document;
  }

  const queries: Queries = {
    within(organizationId) {
      if (organizationId === null) return queries;
      const own = { field: 'organizationId', eq: organizationId };
      return createQueries({ views: confinedTo(organizationId, views), clock, implied: [own] });
    },
    list,
    async audit(filters) {
      const page = await list('audit', filters);
      return { ...page, items: await withNames(views, page.items) };
    },
    async groups({ sort, cursor, limit, ...filters }) {
      const others = ['sort', 'limit', 'cursor'];
      const filtered = await conditions({ filters: GROUP_FILTERS, deletable: false }, filters, others);
      return findGroups(views, { ...filtered, sort, cursor, limit: parseLimit(limit) });
    },
    async stats({ by, since = DEFAULT_SINCE, ...filters }, signal) {
      const filtered = await plan(RESOURCES.deliveries, { ...filters, since }, ['by']);
      return countDeliveries(views, { ...filtered, by }, signal);
    },
    resolve: async (kind, idOrName) => (await names.resolve(kind, idOrName)).id,
    async show(name, idOrName) {
      const document = await find(name, idOrName);
      switch (name) {
        case 'logs':
          return withDeliveries(views, shapes.logDetail(document), siblingId('evt', document.id));
        case 'inbound-webhooks':
          return withDeliveries(views, shapes.inboundWebhookDetail(document), siblingId('evt', document.id));
        case 'deliveries': {
          const endpoint = await views.get('endpoints', String(document.endpointId));
          const url = endpoint?.url;
          const body = await requestBody(views, document);
          const links = await causeOf(views, String(document.eventId));
          return shapes.deliveryDetail(document, {
            url: typeof url === 'string' ? url : null,
            body,
            ...links,
          });
        }
        default:
          return RESOURCES[name].summary(document);
      }
    },
    async retryable(id) {
      // Many are asked for one after the other, and SQLite answers at once: a server must come to other requests meanwhile.
      await nextTurn();
      const document = await find('deliveries', id);
      const body = await requestBody(views, document);
      if (body === undefined) throw new PayloadGone(id);
      const text = (field: keyof Fields) => String(document[field]);
      return {
        webhookId: document.id,
        organizationId: text('organizationId'),
        endpointId: text('endpointId'),
        eventId: text('eventId'),
        kind: text('event'),
        attemptCount: Number(document.attemptCount),
        status: text('status'),
        body: Buffer.from(body),
      };
    },
  };
  return queries;
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidQuery('limit', `allowed: a whole number from 1 to ${MAX_LIMIT}`);
}
