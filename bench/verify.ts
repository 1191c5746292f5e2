// npm run bench:verify -- [--posts N]: how fast `hooklane verify` goes through a log on SQLite, and in how much memory. The
// log is made by the recorder's and the dispatcher's own decisions, of N posts (100,000 unless said), for an organization
// with three endpoints: without a gap, with one, and one that gathers for digests. The verification runs in a process of
// its own. Prints its figures and writes bench/results/verify.json.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createCapacity } from '../src/dispatch/capacity.ts';
import { createCrank } from '../src/dispatch/crank.ts';
import { createLanes } from '../src/dispatch/lanes.ts';
import {
  type EndpointCreated,
  type HooklaneEvent,
  type LogReceived,
  type OrganizationEvent,
  UNKEYED,
} from '../src/events.ts';
import { newId } from '../src/ids.ts';
import { openSqliteLog } from '../src/log/sqlite.ts';
import { record } from '../src/record/record.ts';
import { verify } from '../src/verify/verify.ts';
import { errorPayload } from './payload.ts';

const { values } = parseArgs({
  options: {
    posts: { type: 'string', default: '100000' },
    measure: { type: 'string' },
    'max-ids': { type: 'string' },
  },
});
const maxIds = values['max-ids'];
const BATCH = 5_000;
/** Between two posts. */
const EVERY_MS = 50;

async function measure(directory: string) {
  const log = openSqliteLog({ directory, serve: false });
  const from = performance.now();
  const report = await verify({ log }, maxIds === undefined ? {} : { maxIds: Number(maxIds) });
  const seconds = Math.round(performance.now() - from) / 1_000;
  await log.close();
  const { events, checks, findings, open } = report;
  const rssMiB = Math.round(process.resourceUsage().maxRSS / 1_024);
  return { events, seconds, eventsPerSecond: Math.round(events / seconds), rssMiB, checks, findings, open };
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hooklane-verify-'));
  await fill(directory, Number(values.posts));
  const args = [
    fileURLToPath(import.meta.url),
    '--measure',
    directory,
    ...(maxIds ? ['--max-ids', maxIds] : []),
  ];
  const measured = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  rmSync(directory, { recursive: true });
  process.stdout.write(`${JSON.stringify(measured, null, 2)}\n`);
  const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version };
  const results = new URL('results/', import.meta.url);
  mkdirSync(results, { recursive: true });
  const { events, seconds, eventsPerSecond, rssMiB } = measured;
  const report = { at: new Date().toISOString(), machine, events, seconds, eventsPerSecond, rssMiB };
  writeFileSync(new URL('verify.json', results), `${JSON.stringify(report, null, 2)}\n`);
}

async function fill(directory: string, posts: number): Promise<void> {
  const log = openSqliteLog({ directory, serve: false });
  let nowMs = Date.now() - posts * EVERY_MS;
  const ids = {
    organizationId: newId('org', nowMs),
    projectId: newId('prj', nowMs),
    integrationId: newId('int', nowMs),
  };
  const capacity = createCapacity();
  const crank = createCrank(createLanes(), { capacity, disableAfterMs: Number.POSITIVE_INFINITY }, nowMs);
  let written: HooklaneEvent[] = [];
  let inboundOffset = 0;
  let offset = 0;

  /** What the dispatcher makes of an event of topic organizations, and of the requests that it starts. */
  function dispatch(event: OrganizationEvent): void {
    written.push(event);
    crank.take({ topic: 'organizations', partition: 0, offset: offset++, event }, nowMs);
    crank.startDue(nowMs, 0);
    const { out, requests } = crank.flush();
    for (const request of requests) {
      capacity.give(request);
      const answer = {
        startedAtMs: nowMs,
        durationMs: 5,
        responseCode: 200,
        responseBody: 'ok',
        retryAfterMs: null,
      };
      crank.finish(request, { ...answer, failure: null }, nowMs);
    }
    written.push(...[...out, ...crank.flush().out].filter(isKept));
  }

  const { organizationId } = ids;
  dispatch({ type: 'OrganizationCreated', organizationId, atMs: nowMs, name: 'bench', secret: '' });
  dispatch(endpoint(organizationId, nowMs, { gapMs: 0, whenBusy: 'omit' }));
  dispatch(endpoint(organizationId, nowMs, { gapMs: 200, whenBusy: 'omit' }));
  dispatch(endpoint(organizationId, nowMs, { gapMs: 500, whenBusy: 'digest' }));
  for (let n = 0; n < posts; n++) {
    nowMs += EVERY_MS;
    const body = Buffer.from(errorPayload(n));
    const came = { receivedAtMs: nowMs, headers: {}, body, imported: false, ...UNKEYED };
    const received: LogReceived = { type: 'LogReceived', id: newId('in', nowMs), ...ids, ...came };
    written.push(received);
    dispatch(record(received, { nowMs, partition: 0, offset: inboundOffset++ }));
    if (written.length < BATCH) continue;
    await log.append(written);
    written = [];
    process.stderr.write(`${n} of ${posts}\r`);
  }
  await log.append(written);
  await log.close();
}

/** Lanes are not verified. */
function isKept({ type }: HooklaneEvent): boolean {
  return type !== 'LaneSaved' && type !== 'PendingSaved' && type !== 'PendingDropped';
}

function endpoint(
  organizationId: EndpointCreated['organizationId'],
  atMs: number,
  { gapMs, whenBusy }: Pick<EndpointCreated, 'gapMs' | 'whenBusy'>,
): EndpointCreated {
  const settings = { gapMs, whenBusy, timeoutMs: 5_000, maxQueued: 100, events: ['log.*'], retriesMs: [] };
  const ids = { organizationId, endpointId: newId('ep', atMs), atMs, secret: '' };
  const url = 'https://subscriber.example/';
  return { type: 'EndpointCreated', ...ids, url, ...settings, status: 'active', disabledReason: null };
}

if (values.measure === undefined) await main();
else process.stdout.write(JSON.stringify(await measure(values.measure)));
