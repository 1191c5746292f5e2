// The API of commands at a server somewhere else, over HTTP, with its admin token. What the server finds wrong is
// thrown as it would be here, so that it is told in the same words, and of the same option.

import { type ApiRequest, requestOf } from '../command/admin/operations.ts';
import { InvalidInput } from '../command/input.ts';
import { InvalidConfig } from '../config.ts';
import { InvalidQuery, NotFound } from '../query/errors.ts';
import type { NamedKind } from '../query/filters.ts';
import type { Page, Stats } from '../query/queries.ts';
import type { ResourceName } from '../query/resources.ts';
import type { Item } from '../query/shapes.ts';
import type { Status } from '../query/status.ts';
import type { Api } from './api.ts';
import { CommandFailed } from './failed.ts';
import { harmless } from './output.ts';

export interface RemoteServer {
  /** Without the path of the API. */
  url: string;
  token: string;
}

/** Beside what commands ask anywhere, what a server knows by itself. */
interface RemoteApi extends Api {
  status(): Promise<Status>;
}

const COLLECTION_OF = {
  organization: 'organizations',
  project: 'projects',
  integration: 'integrations',
  endpoint: 'endpoints',
} as const satisfies Record<NamedKind, ResourceName>;

/**
 * The server that HOOKLANE_URL names, with the token of HOOKLANE_TOKEN or else HOOKLANE_ADMIN_TOKEN; undefined: none is
 * named. Throws InvalidConfig.
 */
export function remoteServer(env: Readonly<Record<string, string | undefined>>): RemoteServer | undefined {
  const text = env.HOOKLANE_URL || undefined;
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    const message = 'is not allowed; allowed: where a server listens, as https://hooklane.example.com';
    throw new InvalidConfig([{ name: 'HOOKLANE_URL', message }]);
  }
  const token = env.HOOKLANE_TOKEN || env.HOOKLANE_ADMIN_TOKEN || undefined;
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) {
    const message =
      token === undefined
        ? 'is missing: a server is asked with its admin token'
        : 'is not allowed; allowed: visible ASCII characters without spaces';
    throw new InvalidConfig([{ name: 'HOOKLANE_TOKEN', message }]);
  }
  return { url: url.href.replace(/\/+$/, ''), token };
}

/** Loads what speaks HTTP, which other commands do without. */
export async function createRemoteApi({ url, token }: RemoteServer): Promise<RemoteApi> {
  const { request } = await import('undici');

  /** The answer to a request; it is a success. */
  async function call(
    { method, path, input }: ApiRequest | { method: 'GET'; path: string; input?: undefined },
    { signal, bodyTimeout }: { signal?: AbortSignal; bodyTimeout?: number } = {},
  ) {
    const answer = await request(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(input === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(input === undefined ? {} : { body: JSON.stringify(input) }),
      ...(signal && { signal }),
      ...(bodyTimeout === undefined ? {} : { bodyTimeout }),
    }).catch((error: Error) => {
      if (signal?.aborted) throw error;
      throw new CommandFailed(`${url} cannot be reached: ${error.message}; is it where Hooklane listens?`, {
        cause: error,
      });
    });
    if (answer.statusCode < 300) return answer.body;
    throw problemOf(url, answer.statusCode, await answer.body.text());
  }

  async function ask<T extends object>(asked: Parameters<typeof call>[0]): Promise<T> {
    const text = await (await call(asked)).text();
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new CommandFailed(`${url} answers something else than Hooklane does`, { cause: error });
    }
  }

  const get = <T extends object>(path: string) => ask<T>({ method: 'GET', path });
  const show = (resource: ResourceName, idOrName: string) =>
    get<Item>(`/${resource}/${encodeURIComponent(idOrName)}`);

  return {
    list: (resource, filters) => get<Page>(`/${resource}?${new URLSearchParams(filters)}`),
    groups: (filters) => get<Page>(`/logs/groups?${new URLSearchParams(filters)}`),
    stats: (filters) => get<Stats>(`/deliveries/stats?${new URLSearchParams(filters)}`),
    show,
    resolve: async (kind, idOrName) => String((await show(COLLECTION_OF[kind], idOrName)).id),
    perform: (operation) => ask(requestOf(operation)),
    async retry(ids) {
      const path = '/deliveries/retry';
      return (await ask<{ items: object[] }>({ method: 'POST', path, input: { ids } })).items;
    },
    recover({ endpointId, ...input }) {
      return ask({ method: 'POST', path: `/endpoints/${endpointId}/recover`, input });
    },
    status: () => get<Status>('/status'),
    served: async () => true,
    async tail(what, signal) {
      // Nothing may happen for as long as it likes.
      const body = await call({ method: 'GET', path: `/${what}/tail` }, { signal, bodyTimeout: 0 });
      return itemsIn(body, url, signal);
    },
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
      for (const line of lines) if (line !== '') yield JSON.parse(line);
    }
  } catch (error) {
    if (signal.aborted) return;
    throw new CommandFailed(`${url} is gone: ${(error as Error).message}`, { cause: error });
  }
  if (!signal.aborted) throw new CommandFailed(`${url} has stopped`);
}

/** What a server says no with (RFC 9457), as what a command would throw by itself. */
function problemOf(url: string, status: number, text: string): Error {
  const { type, detail, errors = [] } = parseProblem(text);
  if (type === 'urn:hooklane:problem:invalid-input') return new InvalidInput(errors);
  const [first] = errors;
  if (type === 'urn:hooklane:problem:invalid-query' && first !== undefined) {
    return new InvalidQuery(first.field, first.message.replace(`${first.field}: `, ''));
  }
  if (type === 'urn:hooklane:problem:not-found') return new NotFound('', '', detail);
  if (status === 401) {
    return new CommandFailed(`${url} refuses the token; set HOOKLANE_TOKEN, or --token, to its admin token`);
  }
  if (type === undefined) {
    return new CommandFailed(
      `${url} answered ${status}: ${harmless(text.slice(0, 200))}; is it where Hooklane listens?`,
    );
  }
  return new CommandFailed(harmless(detail ?? `${url} answered ${status}`));
}

interface ProblemText {
  type?: string;
  detail?: string;
  errors?: { field: string; message: string }[];
}

function parseProblem(text: string): ProblemText {
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === 'object' && problem !== null) return problem;
  } catch {
    // Not JSON: something else than Hooklane answers there.
  }
  return {};
}
