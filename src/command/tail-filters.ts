// What is told to who follows: the filters that lists of the same have, but for those that ask of the past. An item is told
// if it is as they say at the moment it is told.

import type { Filter } from '../query/filters.ts';
import type { Filters, Queries } from '../query/queries.ts';
import { RESOURCES } from '../query/resources.ts';
import type { Item } from '../query/shapes.ts';
import type { Tailed } from '../query/tail.ts';
import type { Condition } from '../views/views.ts';
import { ensureKnown } from './filters.ts';

const OF_DELIVERIES = RESOURCES.deliveries.filters;
const OF_LOGS = RESOURCES.logs.filters;

/** Those that go by nothing but what an item shows. */
const FILTERS: Readonly<Record<Tailed, Readonly<Record<string, Filter>>>> = {
  deliveries: {
    ...{ org: OF_DELIVERIES.org, endpoint: OF_DELIVERIES.endpoint },
    ...{ status: OF_DELIVERIES.status, event: OF_DELIVERIES.event },
  },
  logs: {
    ...{ org: OF_LOGS.org, project: OF_LOGS.project, integration: OF_LOGS.integration },
    ...{ level: OF_LOGS.level, environment: OF_LOGS.environment, release: OF_LOGS.release },
  },
};

/** Whether an item is to be told. Rejects with InvalidQuery, and with NotFound for what is named and not there. */
export async function tailFilter(
  what: Tailed,
  filters: Filters,
  queries: Pick<Queries, 'resolve'>,
): Promise<(item: Item) => boolean> {
  const known = FILTERS[what];
  ensureKnown(filters, Object.keys(known));
  const named = async (...asked: Parameters<Queries['resolve']>) => ({ id: await queries.resolve(...asked) });
  // None of these asks of a time; and of what is deleted nothing comes any more.
  const context = { nowMs: 0, resolve: named, everWas: named };
  const asked = Object.entries(filters).map(([name, text]) => known[name]?.(text, context));
  const filtered = (await Promise.all(asked)).filter((one) => one !== undefined);
  return (item) =>
    filtered.every(
      ({ where, keep }) =>
        where.every((condition) => meets(item, condition)) &&
        (keep === undefined || keep({ ...item, id: String(item.id) })),
    );
}

function meets(item: Item, condition: Condition): boolean {
  return 'eq' in condition && item[condition.field] === condition.eq;
}
