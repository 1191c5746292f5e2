// npm run bench:history -- [--deliveries N] [--directory D]: how fast the first page of `deliveries list`, and a page deep
// down, comes from N deliveries (10,000,000 unless said) on the embedded store. Prints a table and writes
// bench/results/history.json.
//
// The store is filled through the engine and the projection, from made events, which takes half an hour; in a temporary
// directory, or in D, where it stays and is not filled a second time. Each figure is the median and the worst of several
// pages, as `list` gives them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { AttemptError, OrganizationEvent, OutboundEvent } from '../src/events.ts';
import { derivedId, newId, timeOf } from '../src/ids.ts';
import { deliveries } from '../src/projections/deliveries.ts';
import { endpoints } from '../src/projections/endpoints.ts';
import { organizations } from '../src/projections/organizations.ts';
import { projectBatch } from '../src/projections/project.ts';
import { projects } from '../src/projections/projects.ts';
import { createQueries, type Filters } from '../src/query/queries.ts';
import { openSqliteViews } from '../src/views/sqlite.ts';

const { values } = parseArgs({
  options: { deliveries: { type: 'string', default: '10000000' }, directory: { type: 'string' } },
});
const total = Number(values.deliveries);
if (!(Number.isSafeInteger(total) && total >= 1_000)) {
  process.stderr.write('--deliveries must be a whole number, 1000 or more\n');
  process.exit(2);
}
const BATCH = 5_000;
const ROUNDS = 15;
const ORGANIZATIONS = 100;
/** Milliseconds from one delivery to the next. */
const EVERY_MS = 50;

const directory = values.directory ?? mkdtempSync(join(tmpdir(), 'hooklane-history-'));
const made = [organizations, projects, endpoints, deliveries];
const views = openSqliteViews({ directory, definitions: made.map(({ definition }) => definition) });
const found = await views.count('deliveries');
if (found > 0 && found < total) {
  process.stderr.write(`${directory} has ${found} deliveries, as it was not filled to its end: delete it\n`);
  process.exit(1);
}
/** As old as they were when they were made. */
const oldest = found === 0 ? undefined : await views.first('deliveries');
const startMs = oldest === undefined ? Date.now() - total * EVERY_MS : timeOf(oldest.id);
const endMs = startMs + total * EVERY_MS;
const orgs = Array.from({ length: ORGANIZATIONS }, () => newId('org', startMs));
const eps = orgs.map(() => newId('ep', startMs));

/** The events of delivery `n`. Organization 0 has half of all; of 1,000, 20 fail (2 by timeout, 1 with 429), 100 are omitted. */
function eventsOf(number: number): OutboundEvent[] {
  // Spread, so that what is of one organization is not all of one kind.
  const n = Math.imul(number, 2_654_435_761) >>> 4;
  const sort = (n >> 1) % 1_000;
  const atMs = startMs + number * EVERY_MS;
  const at = n % 2 === 0 ? 0 : (n >> 12) % ORGANIZATIONS;
  const [organizationId, endpointId] = [orgs[at] ?? 'org_', eps[at] ?? 'ep_'];
  const ids = { webhookId: derivedId('wh', atMs, `${number}`), organizationId, endpointId } as const;
  const eventId = derivedId('evt', atMs, `${number}`);
  const kind = sort % 50 === 7 ? 'deploy.created' : 'log.created';
  const about = { eventId, kind, atMs } as const;
  if (sort < 100)
    return [{ type: 'WebhookOmitted', ...ids, ...about, reason: 'gap', freeAtMs: atMs + 1_000 }];
  const outcome = { ...ids, attempt: 1, atMs: atMs + 40, startedAtMs: atMs, durationMs: 5 + (n % 199) };
  const begun: OutboundEvent[] = [
    { type: 'WebhookScheduled', ...ids, ...about, dueAtMs: atMs, digest: null },
    { type: 'AttemptStarted', ...ids, attempt: 1, atMs, startsAtMs: null, host: `hooks${at}.example.com` },
  ];
  if (sort < 980)
    return [...begun, { type: 'WebhookProcessed', ...outcome, responseCode: 200, responseBody: 'ok' }];
  const error: AttemptError = sort < 982 ? 'timeout' : 'status';
  const responseCode = error === 'status' ? (sort === 999 ? 429 : 503) : null;
  const failure = { error, detail: 'failed', responseCode, responseBody: null, nextAttemptAtMs: null };
  return [
    ...begun,
    { type: 'AttemptFailed', ...outcome, ...failure },
    { type: 'WebhookFailed', ...ids, atMs: atMs + 40, reason: 'failed' },
  ];
}

const settings = { gapMs: 0, timeoutMs: 5_000, whenBusy: 'omit', maxQueued: 0 } as const;
const configured: OrganizationEvent[] = orgs.flatMap((organizationId, n) => [
  { type: 'OrganizationCreated', organizationId, atMs: startMs, name: `org ${n}`, secret: '' },
  {
    type: 'EndpointCreated',
    organizationId,
    endpointId: eps[n] ?? 'ep_',
    atMs: startMs,
    url: `https://hooks${n}.example.com/`,
    ...settings,
    events: ['*'],
    retriesMs: [],
    status: 'active',
    disabledReason: null,
    secret: '',
  },
]);
const fillSeconds = found > 0 ? null : await fill();
const queries = createQueries({ views, clock: () => endMs });

const big = 'org 0';
const small = 'org 1';
const bigEndpoint = 'https://hooks0.example.com/';
const cases: Record<string, Filters> = {
  'no filter': {},
  '--since 24h': { since: '24h' },
  '--status error': { status: 'error' },
  '--status processed': { status: 'processed' },
  '--code 503': { code: '503' },
  '--code 5xx': { code: '5xx' },
  '--code 4xx': { code: '4xx' },
  '--error timeout': { error: 'timeout' },
  '--host': { host: 'hooks1.example.com' },
  '--event deploy.created': { event: 'deploy.created' },
  '--event log.*': { event: 'log.*' },
  '--org (half of all)': { org: big },
  '--org (half) --status error': { org: big, status: 'error' },
  '--org (half) --event deploy.created': { org: big, event: 'deploy.created' },
  '--org (1 in 200)': { org: small },
  '--org (1 in 200) --status omitted': { org: small, status: 'omitted' },
  '--org (1 in 200) --code 200': { org: small, code: '200' },
  '--org (1 in 200) --code 5xx': { org: small, code: '5xx' },
  '--org (1 in 200) --error timeout': { org: small, error: 'timeout' },
  '--org (1 in 200) --event log.*': { org: small, event: 'log.*' },
  '--endpoint (half)': { endpoint: bigEndpoint },
  '--endpoint (half) --status error': { endpoint: bigEndpoint, status: 'error' },
  '--endpoint (half) --code 429': { endpoint: bigEndpoint, code: '429' },
  '--endpoint (half) --error timeout': { endpoint: bigEndpoint, error: 'timeout' },
  '--status error --since 24h': { status: 'error', since: '24h' },
  // Of what no one index has, as many documents as a page may are looked at.
  '--host --error timeout': { host: 'hooks1.example.com', error: 'timeout' },
  '--host --error dns (none)': { host: 'hooks1.example.com', error: 'dns' },
  '--status error --event deploy.created': { status: 'error', event: 'deploy.created' },
  '--status processed --code 5xx (none)': { status: 'processed', code: '5xx' },
  '--org (1 in 200) --code 201 (none)': { org: small, code: '201' },
  '--event order.* (none)': { event: 'order.*' },
};
const rows: { filters: string; medianMs: number; worstMs: number; items: number }[] = [];
for (const [filters, asked] of Object.entries(cases)) {
  const times: number[] = [];
  let items = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const from = performance.now();
    items = (await queries.list('deliveries', asked)).items.length;
    times.push(performance.now() - from);
  }
  rows.push({ filters, items, ...summary(times) });
}
const deep: number[] = [];
let cursor: string | null = null;
for (let i = 0; i < 200; i++) {
  const from = performance.now();
  const asked: Filters = { limit: '200', ...(cursor === null ? {} : { cursor }) };
  ({ cursor } = await queries.list('deliveries', asked));
  deep.push(performance.now() - from);
  if (cursor === null) break;
}
const counted = performance.now();
// Of the last 24 h, as `stats` does by itself: it reads each document that it counts.
const { total: all } = await queries.stats({ by: 'hour' });
const stats = { deliveries: Number(all.total), seconds: (performance.now() - counted) / 1_000 };
process.stderr.write(`stats counted ${stats.deliveries} in ${stats.seconds.toFixed(1)} s\n`);
rows.push({ filters: `page ${deep.length} of 200`, items: 200, ...summary(deep.slice(-ROUNDS)) });
const bytes = await views.size();
const stored = await views.count('deliveries');
await views.close();
if (values.directory === undefined) rmSync(directory, { recursive: true });

/** Resolves to the seconds it took. */
async function fill(): Promise<number> {
  let offset = 0;
  const topic = 'organizations' as const;
  await views.apply(
    projectBatch(made, {
      topic,
      partition: 0,
      events: configured.map((event, n) => ({ topic, partition: 0, offset: n, event })),
      next: configured.length,
      end: configured.length,
    }),
  );
  const filledFrom = performance.now();
  for (let n = 0; n < total; n += BATCH) {
    const events: { topic: 'outbound'; partition: number; offset: number; event: OutboundEvent }[] = [];
    for (let i = n; i < Math.min(n + BATCH, total); i++)
      for (const event of eventsOf(i))
        events.push({ topic: 'outbound', partition: 0, offset: offset++, event });
    await views.apply(
      projectBatch(made, { topic: 'outbound', partition: 0, events, next: offset, end: offset }),
    );
    if (n % 100_000 === 0)
      process.stderr.write(`${n.toLocaleString('en')} of ${total.toLocaleString('en')}\r`);
  }
  return (performance.now() - filledFrom) / 1_000;
}

function summary(times: number[]): { medianMs: number; worstMs: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const rounded = (ms: number | undefined) => Math.round((ms ?? 0) * 10) / 10;
  return { medianMs: rounded(sorted[Math.floor(sorted.length / 2)]), worstMs: rounded(sorted.at(-1)) };
}

for (const { filters, medianMs, worstMs } of rows)
  process.stdout.write(
    `${filters.padEnd(40)} ${String(medianMs).padStart(8)} ms ${String(worstMs).padStart(8)} ms\n`,
  );
const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version };
const results = new URL('results/', import.meta.url);
mkdirSync(results, { recursive: true });
const report = {
  at: new Date().toISOString(),
  machine,
  deliveries: stored,
  fillSeconds,
  stats,
  bytes,
  rows,
};
writeFileSync(new URL('history.json', results), `${JSON.stringify(report, null, 2)}\n`);
