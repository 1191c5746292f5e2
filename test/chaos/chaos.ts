// A server that is killed at random moments, again and again, on one data directory, while posts come in and receivers are
// slow or fail; some kills come while it starts, and before some it is frozen for a while, or its disk is full, or its
// broker is killed or frozen. In the end all is reconciled (reconcile.ts). A seed decides what is done and when; how far
// the server is then, nobody does.

import { randomBytes } from 'node:crypto';
import { createClient } from '../command/client.ts';
import {
  isWorkedOff,
  list,
  post,
  type Running,
  run,
  type Serving,
  serve,
  start,
  stop,
} from '../e2e/hooklane.ts';
import type { Delivery, Endpoint } from '../engines/judge.ts';
import { startSubscriber } from '../engines/subscriber.ts';
import { createRandom } from '../simulation/random.ts';
import type { Broker } from '../support/broker.ts';
import { type Owner, temporaryDirectory } from '../support/directory.ts';
import { type FailingDisk, type Fault, failingDisk } from '../support/failing-disk.ts';
import { waitFor } from '../support/wait.ts';
import { messageOf, type Posted, type Reconciliation, type Run, reconcile } from './reconcile.ts';

export interface ChaosOptions {
  seed: number;
  /** Ends at whichever is reached first. */
  kills: number;
  withinMs: number;
  /** What configures the engines; none: SQLite. */
  engines?: Readonly<Record<string, string>>;
  /** That of the engines, to be killed and frozen as well. */
  broker?: Pick<Broker, 'start' | 'stop' | 'signal'>;
  /** Told of what is done. */
  tell?: (line: string) => void;
}

/** Subscribers by their paths, which say how they answer: see engines/subscriber.ts. */
const SUBSCRIBERS = [
  { path: '/plain', gap: 300 },
  { path: '/slow', gap: 250 },
  { path: '/free', gap: 0 },
  { path: '/flaky', gap: 100, retries: ['1s', '2s', '4s'] },
  { path: '/queue', gap: 50, whenBusy: 'queue' },
];
/** Short, as a request in flight at a crash is in doubt for so long. */
const TIMEOUT = '1500ms';
const POSTERS = 8;
const POST_EVERY_MS = 8;
/** How long a server lives at most: after it has started, or before that. */
const LIFE_MS = 1_000;
const STARTING_MS = 700;
const FAULT_MS = 700;
/** How long the broker is frozen at most: longer than a session lasts, and than a post waits for it. */
const BROKER_FROZEN_MS = 8_000;
/** One kill in so many comes while it starts; one in so many after a fault of each kind. */
const STARTING = 6;
const FAULTY = 8;
/** The broker is killed, or frozen, before one in so many. */
const BROKER_FAULTY = 4;
const DISK_FAULTS: readonly Omit<Fault, 'file'>[] = [
  { call: 'write', error: 'ENOSPC' },
  { call: 'torn', error: 'ENOSPC' },
];
/** By how much an arrival may be noticed late, on top of what the subscriber was held up by itself. */
const NOISE_MS = 10;
const SETTLED_WITHIN_MS = 120_000;
/** Deliveries that are asked for at a time. */
const READERS = 16;

export async function chaos(t: Owner, options: ChaosOptions): Promise<Reconciliation> {
  const startedMs = performance.now();
  const { seed, kills, withinMs, engines = {}, broker, tell = () => {} } = options;
  const random = createRandom(seed);
  const directory = temporaryDirectory(t);
  const disk = options.engines === undefined ? failingDisk(t) : undefined;
  const adminToken = `admin_${randomBytes(16).toString('hex')}`;
  const limits = { HOOKLANE_BURST: 'none', HOOKLANE_SUSTAINED: 'none' };
  const env = { ...engines, ...limits, ...disk?.env, HOOKLANE_ADMIN_TOKEN: adminToken };
  const faults = { kills: 0, 'kills while it started': 0, 'times frozen': 0, 'times its disk was full': 0 };
  const brokerFaults = { 'broker kills': 0, 'times the broker was frozen': 0 };

  const first = await serve(t, directory, { env });
  const subscriber = await startSubscriber(t);
  const endpoints = await subscribe(first, adminToken, subscriber.url);
  const load = startLoad(first);

  async function kill(victim: Running): Promise<void> {
    load.pause();
    victim.kill('SIGKILL');
    await victim.ended;
    disk?.heal();
    faults.kills++;
    tell(`${faults.kills} kills, ${load.posted.length} posts`);
  }
  /** A moment within so long. */
  const moment = (mostMs: number) => passed(random.fraction() * mostMs);

  let server: Serving = first;
  while (faults.kills < kills && performance.now() - startedMs < withinMs) {
    await moment(LIFE_MS);
    if (random.once(FAULTY)) {
      faults['times frozen']++;
      await freeze(server.kill, () => moment(FAULT_MS));
    }
    if (random.once(FAULTY) && disk !== undefined) {
      faults['times its disk was full']++;
      await fillDisk(disk, random.pick(DISK_FAULTS), {
        heals: random.once(2),
        moment: () => moment(FAULT_MS),
      });
    }
    if (broker !== undefined && random.once(BROKER_FAULTY)) {
      brokerFaults['broker kills']++;
      await broker.stop('SIGKILL');
      await moment(FAULT_MS);
      await broker.start();
      await moment(LIFE_MS);
    }
    if (broker !== undefined && random.once(BROKER_FAULTY)) {
      brokerFaults['times the broker was frozen']++;
      await freeze(
        (signal) => broker.signal(signal),
        () => moment(BROKER_FROZEN_MS),
      );
    }
    await kill(server);
    while (faults.kills < kills && random.once(STARTING)) {
      const starting = start(t, ['serve'], { env: { HOOKLANE_DATA: directory, PORT: '0', ...env } });
      await moment(STARTING_MS);
      await kill(starting);
      faults['kills while it started']++;
    }
    server = await serve(t, directory, { env });
    load.goOn(server.url);
  }
  await load.end();

  const told = await settled(server, adminToken, endpoints.length);
  const { arrivals, noiseMs } = await subscriber.arrivals();
  const checks = {
    verify: await complaintOf(t, ['verify'], { HOOKLANE_DATA: directory, ...env }),
    'replay --verify': await complaintOf(t, ['replay', '--verify'], { HOOKLANE_DATA: directory, ...env }),
  };
  await stop(server);
  return reconcile({
    ...{ posted: load.posted, logs: told.logs, checks },
    faults: { ...faults, ...(broker && brokerFaults) },
    evidence: {
      ...{ endpoints, deliveries: told.deliveries, arrivals, noiseMs: NOISE_MS + noiseMs },
      // While the broker is away nobody knows whose a partition is: that is like a crash of its owner.
      crashes: [faults.kills, faults['times frozen'], ...Object.values(brokerFaults)].reduce((a, b) => a + b),
    },
    refusedMayBeThere: options.engines !== undefined,
    seconds: (performance.now() - startedMs) / 1_000,
  });
}

async function passed(ms: number): Promise<void> {
  const until = performance.now() + ms;
  await waitFor('the moment', () => performance.now() >= until);
}

async function freeze(
  signal: (name: 'SIGSTOP' | 'SIGCONT') => void,
  moment: () => Promise<void>,
): Promise<void> {
  signal('SIGSTOP');
  await moment();
  signal('SIGCONT');
  await moment();
}

async function fillDisk(
  disk: FailingDisk,
  fault: Omit<Fault, 'file'>,
  { heals, moment }: { heals: boolean; moment: () => Promise<void> },
): Promise<void> {
  for (const file of ['log.db', 'views.db'] as const) {
    disk.fail({ file, ...fault });
    await moment();
  }
  if (!heals) return;
  disk.heal();
  await moment();
}

async function subscribe(server: Serving, adminToken: string, url: string): Promise<Endpoint[]> {
  const client = createClient(server.url);
  const asked = (path: string, json?: object) =>
    client.ok(`/api/v1/organizations/default${path}`, { token: adminToken, ...(json && { json }) });
  const { id: organizationId = '' } = await asked('');
  const endpoints: Endpoint[] = [];
  for (const { path, gap, retries = [], ...others } of SUBSCRIBERS) {
    const settings = { url: `${url}${path}`, events: ['log.*'], gap: `${gap}ms`, timeout: TIMEOUT, retries };
    const { id = '' } = await asked('/endpoints', { ...settings, ...others });
    endpoints.push({ id, organizationId, path, gapMs: gap, retries: retries.length > 0 });
  }
  await client.close();
  return endpoints;
}

/** Posts, each with a message of its own, to whichever server is up. */
function startLoad({ url: firstUrl, token }: Serving) {
  const posted: Posted[] = [];
  let url: string | undefined = firstUrl;
  let isOver = false;
  let dueMs = performance.now();
  let numbers = 0;

  async function poster(): Promise<void> {
    for (;;) {
      await waitFor(
        'the next post',
        () => isOver || (url !== undefined && performance.now() >= dueMs),
        120_000,
      );
      if (isOver || url === undefined) return;
      // What was missed while nobody was there is not made up for.
      dueMs = Math.max(dueMs + POST_EVERY_MS, performance.now());
      const one: Posted = { number: numbers++, answer: undefined };
      posted.push(one);
      try {
        const { status, body } = await post(url, token, { message: messageOf(one.number) });
        one.answer = status === 201 ? { id: String(body.id) } : { status };
      } catch (error) {
        // Only what has died under us does not answer.
        if (error instanceof TypeError) throw error;
      }
    }
  }

  const posters = Promise.all(Array.from({ length: POSTERS }, poster));
  posters.catch(() => {});
  return {
    posted,
    pause() {
      url = undefined;
    },
    goOn(newUrl: string) {
      url = newUrl;
    },
    async end() {
      isOver = true;
      await posters;
    },
  };
}

/** Waits until nothing is pending any more, and gives all that is told. */
async function settled(
  { url }: Serving,
  adminToken: string,
  endpoints: number,
): Promise<{ logs: Run['logs']; deliveries: Delivery[] }> {
  const all = <T>(collection: string) => list(url, adminToken, collection) as Promise<T[]>;
  const told = await waitFor(
    'all to settle',
    async () => {
      if (!(await isWorkedOff(url, adminToken))) return false;
      for (const collection of ['inbound-webhooks', 'deliveries'])
        if ((await all(`${collection}?status=pending`)).length > 0) return false;
      const logs = await all<Run['logs'][number]>('logs');
      const deliveries = await all<Omit<Delivery, 'attempts'> & { attemptCount: number }>('deliveries');
      return deliveries.length >= logs.length * endpoints && { logs, deliveries };
    },
    SETTLED_WITHIN_MS,
  );
  const client = createClient(url);
  const deliveries: Delivery[] = told.deliveries.map((delivery) => ({ ...delivery, attempts: [] }));
  const sent = deliveries.filter((_, i) => (told.deliveries[i]?.attemptCount ?? 0) > 0);
  const reader = async () => {
    for (let delivery = sent.pop(); delivery !== undefined; delivery = sent.pop()) {
      const path = `/api/v1/deliveries/${delivery.id}`;
      delivery.attempts = (await client.ok<Delivery>(path, { token: adminToken })).attempts;
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  await client.close();
  return { logs: told.logs, deliveries };
}

/** What a command that checks has to say; empty: all is well. */
async function complaintOf(
  t: Owner,
  command: string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const { exit, stdout, stderr } = await run(t, command, { env });
  return exit === 0 ? '' : `${stdout}${stderr}` || `exit ${exit}`;
}
