// The API of commands at a server somewhere else.

import { requestOf } from '../command/admin/operations.ts';
import type { Recovered } from '../command/admin/recover.ts';
import type { ResealStep } from '../command/admin/reseal.ts';
import type { KeyShown, KeysShown } from '../command/key-ring.ts';
import type { Pruned } from '../projections/prune.ts';
import type { ReplayedView } from '../projections/replay.ts';
import type { NamedKind } from '../query/filters.ts';
import { kindOf } from '../query/names.ts';
import type { Page, Stats } from '../query/queries.ts';
import type { ResourceName } from '../query/resources.ts';
import type { Item } from '../query/shapes.ts';
import type { Status } from '../query/status.ts';
import type { Imported } from '../transfer/import.ts';
import type { Report } from '../verify/report.ts';
import { hasShape, type Shape } from './answer-shape.ts';
import type { Api } from './api.ts';
import { CommandFailed } from './failed.ts';
import { followJob } from './remote-job.ts';
import { connect, PATIENT, parsedOr, type RemoteServer, stranger } from './remote-server.ts';
import { exportFrom, importTo } from './remote-transfer.ts';

/** Beside what commands ask anywhere, what needs no read models, and so is done otherwise beside a server. */
export interface RemoteApi extends Api {
  status(): Promise<Status>;
  /** See verify/verify.ts. */
  verify(
    asked: { organization?: string; limit: number },
    io: { onProgress: (read: number, total: number) => void; signal: AbortSignal },
  ): Promise<Report>;
  /** See projections/prune.ts. */
  prune(
    asked: { before: string; dryRun: boolean },
    io: { onProgress: (read: number, total: number) => void; signal: AbortSignal },
  ): Promise<readonly Pruned[]>;
  /** See remote-transfer.ts. */
  import(file: string, onProgress: (bytes: number) => void): Promise<Imported>;
}

const COLLECTION_OF = {
  organization: 'organizations',
  project: 'projects',
  integration: 'integrations',
  endpoint: 'endpoints',
  token: 'tokens',
} as const satisfies Record<NamedKind, ResourceName>;

const ITEM: Shape<Item> = { id: 'text' };
const STATUS: Shape<Status> = {
  ...{ at: 'text', healthy: 'boolean', problems: 'objects', topics: 'objects', groups: 'objects' },
  ...{ views: 'objects', deliveries: 'object', laneStates: 'object', timers: 'object', endpoints: 'object' },
};

export async function createRemoteApi(server: RemoteServer): Promise<RemoteApi> {
  const connection = await connect(server);
  const { url, call, ask, order } = connection;
  const get = <T extends object>(path: string, shape: Shape<T>) => ask({ method: 'GET', path }, shape);
  const page = (path: string) => get<Page>(path, { items: 'objects', cursor: 'text or null' });
  const show = (resource: ResourceName, idOrName: string) =>
    get(`/${resource}/${encodeURIComponent(idOrName)}`, ITEM);

  return {
    list: (resource, filters) => page(`/${resource}?${new URLSearchParams(filters)}`),
    groups: (filters) => page(`/logs/groups?${new URLSearchParams(filters)}`),
    stats(filters) {
      const path = `/deliveries/stats?${new URLSearchParams(filters)}`;
      return ask<Stats>({ method: 'GET', path }, { by: 'text', items: 'objects', total: 'object' }, PATIENT);
    },
    audit: (filters) => page(`/audit?${new URLSearchParams(filters)}`),
    show,
    // An id is taken as it is: whoever may only write can do without names.
    resolve: async (kind, idOrName) =>
      kindOf(idOrName) === kind ? idOrName : String((await show(COLLECTION_OF[kind], idOrName)).id),
    async perform(operation) {
      const { headers, ...asked } = requestOf(operation);
      if (operation.type !== 'revoke') return ask(asked, ITEM, headers && { headers });
      await order(asked);
      return {};
    },
    async retry(ids) {
      const path = '/deliveries/retry';
      const shape: Shape<{ items: object[] }> = { items: 'objects' };
      return (await ask({ method: 'POST', path, input: { ids } }, shape)).items;
    },
    recover({ endpointId, ...input }) {
      const asked = { method: 'POST', path: `/endpoints/${endpointId}/recover`, input } as const;
      return ask<Recovered>(asked, { ids: 'list', gone: 'list', remaining: 'number' });
    },
    status: () => get<Status>('/status', STATUS),
    verify(input, { onProgress, signal }) {
      return followJob<Report & { read: number; total: number }>(connection, {
        ...{ path: '/verifications', input, signal },
        shape: { checks: 'objects', findings: 'objects', open: 'object' },
        onProgress: ({ read, total }) => onProgress(read, total),
      });
    },
    async prune(input, { onProgress, signal }) {
      type Report = { items: readonly Pruned[]; read: number; total: number };
      const report = await followJob<Report>(connection, {
        ...{ path: '/prunings', input, signal },
        shape: { items: 'objects' },
        onProgress: ({ read, total }) => onProgress(read, total),
      });
      return report.items;
    },
    served: async () => true,
    async tail(what, signal) {
      // Nothing may happen for as long as it likes.
      const body = await call(
        { method: 'GET', path: `/${what}/tail` },
        { ...PATIENT, signal, bodyTimeout: 0 },
      );
      return itemsIn(body, url, signal);
    },
    async replay({ views, verify }, { onProgress, signal }) {
      const input = { verify, ...(views.length === 0 ? {} : { views }) };
      const report = await followJob<{ views: readonly ReplayedView[] }>(connection, {
        ...{ path: '/replays', input, signal },
        shape: { views: 'objects' },
        onProgress: (latest) => onProgress(latest.views),
      });
      return report.views;
    },
    keys: {
      list: () => get<KeysShown>('/keys', { source: 'text', items: 'objects' }),
      make: () => ask<KeyShown>({ method: 'POST', path: '/keys' }, { id: 'text' }),
      reseal() {
        const shape = { resealed: 'number', remaining: 'number' } as const;
        return ask<ResealStep>({ method: 'POST', path: '/keys/reseal' }, shape);
      },
      remove: (id) => order({ method: 'DELETE', path: `/keys/${encodeURIComponent(id)}` }),
    },
    export: ({ id }, io) => exportFrom(connection, id, io),
    import: (file, onProgress) => importTo(connection, file, onProgress),
  };
}

/** The objects in lines of JSON, as they come. */
async function* itemsIn(
  chunks: AsyncIterable<Buffer>,
  url: string,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of chunks) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield itemIn(line, url);
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof CommandFailed) throw error;
    throw new CommandFailed(`${url} is gone: ${(error as Error).message}`, { cause: error });
  }
  if (!signal.aborted) throw new CommandFailed(`${url} has ended the answer: it stops, or the token is over`);
}

function itemIn(line: string, url: string): Item {
  const item: unknown = parsedOr(undefined, line);
  if (!hasShape(item, ITEM)) throw new CommandFailed(stranger(url));
  return item;
}
