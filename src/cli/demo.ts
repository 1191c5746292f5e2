// hooklane demo: the whole path in a few seconds, on data of its own: a server, two receivers (one is broken), errors
// posted over HTTP. Shows what happens as it happens, and fails unless all was as it must be.

import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { verifies } from '../dispatch/sign.ts';
import { loadKeys } from '../keys.ts';
import { createServer } from '../node-http.ts';
import type { App } from './app.ts';
import { CommandFailed } from './failed.ts';
import { createLogger } from './logger.ts';
import { note, print } from './output.ts';
import { ROLES } from './roles.ts';

const GAP_MS = 1_500;
/** A receiver notices an arrival a little later than it happens, and not always as much. */
const NOTICE_MS = 50;
const SETTLED_WITHIN_MS = 10_000;

const ERRORS = [
  {
    message: 'Payment failed: card declined',
    level: 'error',
    error: { type: 'CardDeclined' },
    release: '4.12.0',
  },
  { level: 50, time: Date.now(), msg: 'connect ECONNREFUSED 10.0.3.7:5432', err: { type: 'Error' } },
  {
    exception: {
      values: [{ type: 'TypeError', value: "Cannot read properties of undefined (reading 'total')" }],
    },
    environment: 'production',
  },
];

export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('show the whole path in a few seconds, on data of its own')
    .addHelpText('after', '\nExample:\n  $ hooklane demo')
    .action(demo);
}

async function demo(): Promise<void> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'hooklane-demo-'));
  const config = loadConfig({ HOOKLANE_DATA: dataDirectory, PORT: '0', HOOKLANE_LOG_LEVEL: 'warn' });
  const good = await startReceiver(200);
  const broken = await startReceiver(500);
  // Loaded only here, as in serve.ts.
  const { startApp } = await import('./app.ts');
  const app = await startApp({ config, roles: new Set(ROLES), logger: createLogger(config.logLevel) });
  try {
    await Promise.race([show(app, loadKeys(config).adminToken, good, broken), app.failed]);
  } finally {
    await app.close();
    for (const receiver of [good, broken]) receiver.stop();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
  print(styleText('green', '\nAll was as it must be.'));
}

interface Delivery {
  id: string;
  status: string;
  /** Empty: there is none; so is the code. */
  reason: string;
  responseCode: string;
  endpointId: string;
  eventId: string;
}

async function show(app: App, adminToken: string, good: Receiver, broken: Receiver): Promise<void> {
  const { url = '', defaults } = app;
  const api = createClient(url, adminToken);
  const organization = defaults?.organizationId ?? '';
  print(
    `A server on ${url}, one subscriber that works and one that answers 500, a gap of ${GAP_MS / 1_000} s.\n`,
  );
  const endpoint = { events: ['log.*'], gap: `${GAP_MS}ms`, retries: [] };
  const path = `/organizations/${organization}/endpoints`;
  const works = await api.post(path, { ...endpoint, url: good.url });
  const fails = await api.post(path, { ...endpoint, url: broken.url });
  good.secret = String(works.signingSecret);
  broken.secret = String(fails.signingSecret);

  const posts: string[] = [];
  const poster = createClient(url, defaults?.token ?? '');
  const post = async (error: object) => {
    const { id } = await poster.post('/webhooks/logs', error);
    posts.push(String(id));
    print(`${styleText('bold', 'posted')}     ${id}`);
  };
  const seen = new Set<string>();
  const settled = (count: number) => settle(api, seen, count);

  for (const error of ERRORS.slice(0, 2)) await post(error);
  await settled(4);
  note(`…waiting until the gap of ${GAP_MS / 1_000} s is over`);
  await delay(GAP_MS + NOTICE_MS);
  for (const error of ERRORS.slice(2)) await post(error);
  const deliveries = await settled(6);

  const logs = await api.list('/logs');
  const of = (id: unknown) =>
    deliveries.filter(({ endpointId }) => endpointId === id).map(({ status }) => status);
  expect('every post is one log', logs.length === posts.length);
  expect('the first and the third are delivered, the second is omitted', isSame(of(works.id), DELIVERED));
  expect('what the broken subscriber got is in error', isSame(of(fails.id), FAILED));
  expect('each subscriber got two requests', good.arrivals.length === 2 && broken.arrivals.length === 2);
  expect(
    'every signature is right',
    [...good.arrivals, ...broken.arrivals].every(({ verified }) => verified),
  );
  const [first, second] = good.arrivals;
  const gapMs = (second?.atMs ?? 0) - (first?.atMs ?? 0);
  expect(`two requests were ${(gapMs / 1_000).toFixed(3)} s apart`, gapMs >= GAP_MS - NOTICE_MS);
}

/** In the order in which they came. */
const DELIVERED = ['processed', 'omitted', 'processed'];
const FAILED = ['error', 'omitted', 'error'];

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((status, i) => status === b[i]);
}

/** Waits until so many deliveries are no longer pending, printing each; in the order of their events. */
async function settle(api: Client, seen: Set<string>, count: number): Promise<Delivery[]> {
  const deadlineMs = performance.now() + SETTLED_WITHIN_MS;
  for (;;) {
    // By what they tell of: two that were decided in the same millisecond have ids in no order.
    const deliveries = (await api.list('/deliveries')).map(toDelivery).sort(byEvent);
    const done = deliveries.filter(({ status }) => status !== 'pending');
    for (const { id, status, reason, responseCode } of done) {
      if (seen.has(id)) continue;
      seen.add(id);
      print(`${styleText(COLOURS[status] ?? 'red', status.padEnd(10))} ${id}  ${reason} ${responseCode}`);
    }
    if (done.length >= count) return done;
    if (performance.now() > deadlineMs)
      throw new CommandFailed(`only ${done.length} of ${count} deliveries were settled`);
    await delay(20);
  }
}

function toDelivery(item: Record<string, unknown>): Delivery {
  const { responseCode } = item;
  return {
    id: String(item.id),
    status: String(item.status),
    reason: typeof item.reason === 'string' ? item.reason : '',
    responseCode: typeof responseCode === 'number' ? String(responseCode) : '',
    endpointId: String(item.endpointId),
    eventId: String(item.eventId),
  };
}

function byEvent(a: Delivery, b: Delivery): number {
  return a.eventId < b.eventId ? -1 : 1;
}

const COLOURS: Readonly<Record<string, 'green' | 'yellow'>> = { processed: 'green', omitted: 'yellow' };

function expect(what: string, holds: boolean): void {
  print(`${holds ? styleText('green', '✔') : styleText('red', '✖')} ${what}`);
  if (!holds) throw new CommandFailed(`it is not so that ${what}`);
}

interface Client {
  post(path: string, body: object): Promise<Record<string, unknown>>;
  list(path: string): Promise<Record<string, unknown>[]>;
}

function createClient(url: string, token: string): Client {
  const call = async (
    method: 'GET' | 'POST',
    path: string,
    body?: object,
  ): Promise<Record<string, unknown>> => {
    const { request } = await import('undici');
    const { statusCode, body: answer } = await request(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (statusCode >= 300) throw new CommandFailed(`${method} ${path} was answered ${statusCode}: ${text}`);
    return JSON.parse(text);
  };
  return {
    post: (path, body) => call('POST', path, body),
    async list(path) {
      const { items } = await call('GET', path);
      return Array.isArray(items) ? items : [];
    },
  };
}

interface Receiver {
  url: string;
  /** Set once the endpoint is made. */
  secret: string;
  arrivals: { atMs: number; verified: boolean }[];
  stop(): void;
}

async function startReceiver(status: number): Promise<Receiver> {
  const server = createServer((incoming, response) => {
    const atMs = performance.now();
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      receiver.arrivals.push({
        atMs,
        verified: isVerified(incoming, Buffer.concat(chunks), receiver.secret),
      });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/`,
    secret: '',
    arrivals: [],
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return receiver;
}

function isVerified({ headers }: IncomingMessage, body: Buffer, secret: string): boolean {
  const id = String(headers['webhook-id']);
  const timestamp = Number(headers['webhook-timestamp']);
  return verifies(String(headers['webhook-signature']), secret, { id, timestamp, body }, Date.now());
}
