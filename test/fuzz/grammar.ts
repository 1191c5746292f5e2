// What the API takes: for each of its routes, how a request is made that it accepts, mostly, and what it then appends.
// A route that is missing here fails the test that compares this table with Fastify's own list of routes.
//
// To add one: a line in ROUTES, under its method and URL; ids in the URL come from what earlier answers have made.

import type { EventType } from '../../src/events.ts';
import type { Random } from '../simulation/random.ts';

export type Collection =
  | 'organizations'
  | 'projects'
  | 'integrations'
  | 'endpoints'
  | 'deliveries'
  | 'logs'
  | 'inbound-webhooks'
  | 'replays'
  | 'verifications'
  | 'prunings'
  | 'tokens'
  | 'keys';

/** So many integrations are left alone, for posts that are taken. */
export const STANDING = 4;

/** What is known from answers: things that there are, or were. */
export interface World {
  ids: Record<Collection, string[]>;
  /** Of integrations; the first STANDING of them are changed by no request that is made up. */
  tokens: string[];
  cursors: string[];
  /** Where endpoints send to. */
  receiver: string;
  /** An export of an organization that has been imported already. */
  exported: string;
}

export interface Route {
  who: 'admin' | 'integration' | 'nobody';
  /** How often it is asked, beside the others; 4 unless said. Low where an answer takes long. */
  weight?: number;
  /** What it takes as JSON. */
  json?: (make: Make) => object;
  /** What it takes as newline-delimited JSON. */
  lines?: (make: Make) => string;
  query?: (make: Make) => Record<string, string>;
  /** The event that each 2xx has appended, or a number of them that the answer tells. */
  appends?: EventType;
  appended?: (answer: Answered) => number;
  /** What a 2xx has made: its id is used from then on. */
  makes?: Collection;
  /** Fields of the body that are sent as they are, as others would change what the rest of the run is judged by. */
  fixed?: readonly string[];
  /** It is refused whatever it is asked with, in the state that it is asked in. */
  refused?: true;
  /** Its answer does not end by itself. */
  endless?: true;
  /** Answers 503 when many ask at once, as documented. */
  mayBeBusy?: true;
}

type Answered = Record<string, unknown>;

/** What a generator makes its values of. */
export interface Make {
  random: Random;
  world: World;
  /** A name that nobody has. */
  name: string;
}

export function newWorld(receiver: string, exported: string): World {
  const ids: World['ids'] = {
    ...{ organizations: [], projects: [], integrations: [], endpoints: [], deliveries: [], logs: [] },
    ...{ 'inbound-webhooks': [], replays: [], verifications: [], prunings: [], tokens: [], keys: [] },
  };
  return { ids, tokens: [], cursors: [], receiver, exported };
}

const LEVELS = ['debug', 'info', 'warning', 'error', 'fatal'];
const TRIGGERS = [['log.*'], ['order.paid'], ['deploy.*', 'order.*'], ['*'], ['project.created']];
const DURATIONS = ['0s', '250ms', '5s', '10m', '2h'];

function logOf({ random, name }: Make): object {
  const message = `${random.pick(['checkout', 'search', 'login'])} failed ${random.whole(1, 9)}`;
  const stack = `Error: ${message}\n    at pay (/app/src/pay.js:${random.whole(1, 99)}:7)`;
  return random.pick<object>([
    { message },
    { message, level: random.pick(LEVELS), environment: 'production', release: '1.2.3', tags: { name } },
    { msg: message, level: 50, time: 1_700_000_000_000, err: { type: 'Error', message, stack } },
    { exception: { values: [{ type: 'TypeError', value: message, stacktrace: { frames: [] } }] } },
    { error: { name: 'TypeError', message, stack }, user: { id: 7 }, extra: { deep: { name } } },
    {},
  ]);
}

const deployOf = ({ random, name }: Make) => ({
  version: `1.${random.whole(0, 99)}.0`,
  ...random.pick<object>([{}, { environment: 'staging' }, { url: 'https://ci.example/1', note: name }]),
});

const batchOf = (line: (make: Make) => object) => (make: Make) =>
  Array.from({ length: make.random.whole(1, 4) }, () => JSON.stringify(line(make))).join('\n');

const endpointOf = ({ random, world }: Make) => ({
  url: world.receiver,
  events: random.pick(TRIGGERS),
  ...random.pick<object>([
    {},
    { gap: random.pick(DURATIONS), whenBusy: random.pick(['omit', 'queue', 'digest']), maxQueued: 5 },
    { retries: ['5s', '10m'], timeout: '1s' },
  ]),
});

const endpointChange = ({ random }: Make) =>
  random.pick<object>([
    { gap: random.pick(DURATIONS) },
    { status: random.pick(['active', 'disabled']) },
    { events: random.pick(TRIGGERS) },
  ]);

const integrationOf = ({ random, name }: Make) => ({
  name,
  ...random.pick<object>([{}, { origins: ['https://app.example'] }, { rateLimits: { burst: '3/6s' } }]),
});

const integrationChange = ({ random, name }: Make) =>
  random.pick<object>([{ name }, { status: random.pick(['active', 'disabled']) }, { rateLimits: {} }]);

const named = ({ name }: Make) => ({ name });

/** Some of the filters of a list, each with a value that it takes. */
function filters(own: (make: Make) => Record<string, string>) {
  return (make: Make): Record<string, string> => {
    const { random, world } = make;
    const all: Record<string, string> = {
      ...own(make),
      limit: String(random.whole(1, 200)),
      cursor: world.cursors.length > 0 ? random.pick(world.cursors) : '',
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '' && random.once(4)));
  };
}

const someone = ({ random, world: { ids } }: Make, collection: Collection) =>
  ids[collection].length > 0 ? random.pick(ids[collection]) : 'default';

const ofOrg = (make: Make) => ({ org: someone(make, 'organizations') });
const ofLogs = (make: Make) => ({
  ...ofOrg(make),
  project: someone(make, 'projects'),
  integration: someone(make, 'integrations'),
  since: make.random.pick(['1h', '2026-01-31', '2026-01-31T12:00:00+01:00']),
  until: '0s',
});
const loggedAs = (make: Make) => ({
  ...ofLogs(make),
  level: make.random.pick(LEVELS),
  environment: 'production',
  search: 'checkout failed',
});
const delivered = (make: Make) => ({
  ...ofOrg(make),
  endpoint: someone(make, 'endpoints'),
  status: make.random.pick(['pending', 'processed', 'omitted', 'error']),
  event: make.random.pick(['log.created', 'log.*', '*']),
  code: make.random.pick(['200', '5xx']),
  since: '10m',
});

const API = '/api/v1';

/** What is made, shown, changed and deleted alike. */
function administered(collection: Collection, kind: string, change: NonNullable<Route['json']>) {
  const one = `${API}/${collection}/:id`;
  return {
    [`GET ${API}/${collection}`]: { who: 'admin', query: filters(ofOrg) },
    [`GET ${one}`]: { who: 'admin' },
    [`PATCH ${one}`]: { who: 'admin', json: change, appends: `${kind}Changed` as EventType, weight: 1 },
    [`DELETE ${one}`]: { who: 'admin', appends: `${kind}Deleted` as EventType, weight: 0.3 },
  } satisfies Record<string, Route>;
}

/** Jobs take a processor for a while, so few are begun. */
function jobs(collection: Collection, json: NonNullable<Route['json']>, fixed: string[] = []) {
  const path = `${API}/${collection}`;
  return {
    [`POST ${path}`]: { who: 'admin', json, makes: collection, weight: 0.02, fixed },
    [`GET ${path}`]: { who: 'admin', weight: 1 },
    [`GET ${path}/:id`]: { who: 'admin', weight: 1 },
    [`DELETE ${path}/:id`]: { who: 'admin', weight: 0.5 },
  } satisfies Record<string, Route>;
}

const many = (field: string) => (answer: Answered) => {
  const items = answer[field];
  return Array.isArray(items) ? items.length : Number(items);
};

export const ROUTES: Readonly<Record<string, Route>> = {
  'GET /healthz': { who: 'nobody', weight: 1 },
  'GET /readyz': { who: 'nobody', weight: 1 },

  [`POST ${API}/webhooks/logs`]: { who: 'integration', json: logOf, appends: 'LogReceived', weight: 40 },
  [`POST ${API}/webhooks/logs/batch`]: {
    ...{ who: 'integration', lines: batchOf(logOf), weight: 6 },
    ...{ appends: 'LogReceived', appended: many('accepted') },
  },
  [`POST ${API}/webhooks/deploys`]: { who: 'integration', json: deployOf, appends: 'DeployReceived' },
  [`POST ${API}/webhooks/deploys/batch`]: {
    ...{ who: 'integration', lines: batchOf(deployOf) },
    ...{ appends: 'DeployReceived', appended: many('accepted') },
  },

  ...administered('organizations', 'Organization', named),
  [`POST ${API}/organizations`]: {
    ...{ who: 'admin', json: named, weight: 1 },
    ...{ appends: 'OrganizationCreated', makes: 'organizations' },
  },
  [`POST ${API}/organizations/:id/rotate-secret`]: {
    who: 'admin',
    appends: 'OrganizationSecretRotated',
    weight: 1,
  },
  [`GET ${API}/organizations/:id/projects`]: { who: 'admin' },
  [`GET ${API}/organizations/:id/endpoints`]: { who: 'admin' },

  ...administered('projects', 'Project', named),
  [`POST ${API}/organizations/:id/projects`]: {
    ...{ who: 'admin', json: named, weight: 1 },
    ...{ appends: 'ProjectCreated', makes: 'projects' },
  },
  [`GET ${API}/projects/:id/integrations`]: { who: 'admin' },

  ...administered('integrations', 'Integration', integrationChange),
  [`POST ${API}/projects/:id/integrations`]: {
    ...{ who: 'admin', json: integrationOf, weight: 1 },
    ...{ appends: 'IntegrationCreated', makes: 'integrations' },
  },
  [`POST ${API}/integrations/:id/rotate-secret`]: {
    ...{ who: 'admin', appends: 'IntegrationSecretRotated', makes: 'integrations', weight: 0.5 },
  },

  ...administered('endpoints', 'Endpoint', endpointChange),
  [`POST ${API}/organizations/:id/endpoints`]: {
    ...{ who: 'admin', json: endpointOf, weight: 0.5 },
    ...{ appends: 'EndpointCreated', makes: 'endpoints' },
  },
  [`POST ${API}/endpoints/:id/rotate-secret`]: {
    ...{ who: 'admin', appends: 'EndpointSecretRotated', weight: 1 },
    json: ({ random }) => random.pick<object>([{}, { grace: random.pick(DURATIONS) }]),
  },
  [`POST ${API}/endpoints/:id/test`]: {
    who: 'admin',
    appends: 'EndpointTestRequested',
    makes: 'deliveries',
    weight: 1,
  },
  [`POST ${API}/endpoints/:id/recover`]: {
    ...{ who: 'admin', weight: 0.05, appends: 'WebhookRetryRequested', appended: many('ids') },
    json: ({ random }) => ({ since: random.pick(['1s', '2026-01-31T12:00:00Z']) }),
  },

  [`POST ${API}/organizations/:id/events`]: {
    ...{ who: 'admin', appends: 'EventPublished', weight: 2 },
    json: ({ random, name }) => ({
      kind: random.pick(['order.paid', 'user.signed_up']),
      data: random.pick<unknown>([{ name }, [1, 2, 3], 'text', null, { deep: { deeper: [{}] } }]),
    }),
  },

  [`GET ${API}/deliveries`]: { who: 'admin', query: filters(delivered) },
  [`GET ${API}/deliveries/stats`]: {
    ...{ who: 'admin', weight: 1 },
    query: (make) => ({ ...filters(delivered)(make), by: make.random.pick(['endpoint', 'event', 'hour']) }),
  },
  [`GET ${API}/deliveries/tail`]: { who: 'admin', weight: 1, endless: true, mayBeBusy: true },
  [`GET ${API}/deliveries/:id`]: { who: 'admin' },
  [`POST ${API}/deliveries/:id/retry`]: {
    ...{ who: 'admin', appends: 'WebhookRetryRequested', weight: 1 },
  },
  [`POST ${API}/deliveries/retry`]: {
    ...{ who: 'admin', appends: 'WebhookRetryRequested', appended: many('items'), weight: 1 },
    json: (make) => ({ ids: [someone(make, 'deliveries'), someone(make, 'deliveries')] }),
  },

  [`GET ${API}/logs`]: { who: 'admin', query: filters(loggedAs) },
  [`GET ${API}/logs/groups`]: {
    ...{ who: 'admin', weight: 1 },
    query: (make) => ({ ...filters(ofLogs)(make), sort: make.random.pick(['last', 'first', 'count']) }),
  },
  [`GET ${API}/logs/tail`]: { who: 'admin', weight: 1, endless: true, mayBeBusy: true },
  [`GET ${API}/logs/:id`]: { who: 'admin' },
  [`GET ${API}/inbound-webhooks`]: { who: 'admin', query: filters(ofLogs) },
  [`GET ${API}/inbound-webhooks/:id`]: { who: 'admin' },

  [`POST ${API}/tokens`]: {
    ...{ who: 'admin', appends: 'TokenCreated', makes: 'tokens', weight: 1 },
    json: (make) => ({
      name: make.name,
      ...make.random.pick<object>([
        {},
        { scopes: ['read', 'write'], expires: '90d' },
        { scopes: ['write'], organization: someone(make, 'organizations') },
      ]),
    }),
  },
  [`GET ${API}/tokens`]: { who: 'admin', weight: 1 },
  [`GET ${API}/tokens/:id`]: { who: 'admin', weight: 1 },
  [`DELETE ${API}/tokens/:id`]: { who: 'admin', appends: 'TokenRevoked', weight: 0.5 },
  [`GET ${API}/audit`]: {
    who: 'admin',
    query: filters((make) => ({ ...ofOrg(make), by: make.random.pick(['root', 'start']), since: '1h' })),
  },

  // The one key comes from the environment and seals all there is: none is made or taken out, nothing is sealed anew.
  [`GET ${API}/keys`]: { who: 'admin', weight: 0.2 },
  [`POST ${API}/keys`]: { who: 'admin', weight: 0.2, refused: true },
  [`POST ${API}/keys/reseal`]: { who: 'admin', weight: 0.2 },
  [`DELETE ${API}/keys/:id`]: { who: 'admin', weight: 0.2, refused: true },

  [`GET ${API}/status`]: { who: 'admin', weight: 0.2 },
  ...jobs('replays', ({ random }) => ({ views: ['organizations'], verify: random.once(2) })),
  ...jobs('verifications', (make) => ({ organization: someone(make, 'organizations'), limit: 5 })),
  // What is gone could not be counted in the end.
  ...jobs('prunings', () => ({ before: '2026-01-31', dryRun: true }), ['dryRun']),

  [`GET ${API}/organizations/:id/export`]: { who: 'admin', weight: 0.2, mayBeBusy: true },
  [`POST ${API}/import`]: {
    ...{ who: 'admin', weight: 0.3, mayBeBusy: true },
    lines: ({ world }) => world.exported,
  },
};

/** The collection that the `:id` of a URL is of. */
export function collectionOf(url: string): Collection | undefined {
  return /\/([a-z-]+)\/:id/.exec(url)?.[1] as Collection | undefined;
}

/** A URL of the table as what matches it; those without `:id` before the others, as Fastify has it. */
const PATTERNS = Object.keys(ROUTES)
  .map((name) => {
    const [method, url = ''] = name.split(' ');
    return {
      name,
      method,
      pattern: new RegExp(`^${url.replace(':id', '[^/]+')}$`),
      hasId: url.includes(':id'),
    };
  })
  .toSorted((a, b) => Number(a.hasId) - Number(b.hasId));

/** The route that takes a request, whatever it was made for; undefined: none. */
export function routeOf(method: string, path: string): { name: string; route: Route } | undefined {
  const decoded = path.replace(/^https?:\/\/[^/]*/, '').replaceAll(/%[2-7][0-9a-f]/gi, (code) => {
    const char = decodeURIComponent(code);
    return /\w/.test(char) ? char : code;
  });
  const asked = method === 'HEAD' ? 'GET' : method;
  const name = PATTERNS.find((found) => found.method === asked && found.pattern.test(decoded))?.name;
  const route = ROUTES[name ?? ''];
  return name === undefined || route === undefined ? undefined : { name, route };
}
