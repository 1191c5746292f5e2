// Several processes of each role on one Kafka and one MongoDB, and all that can befall them while 10,000 triggers come in:
// each is killed, stopped for so long that others take it for dead and then goes on as if nothing were, and the broker
// is killed under all of them. Afterwards everything that was accepted is accounted for (judge.ts).

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { request } from 'undici';
import type { Group } from '../../src/log/log.ts';
import { type Broker, startBroker } from '../support/broker.ts';
import { missing, missingOwn } from '../support/engines.ts';
import { waitFor } from '../support/wait.ts';
import { type Cluster, listAll, newCluster, type Process, type Role } from './cluster.ts';
import { type Delivery, type Endpoint, type Evidence, judge } from './judge.ts';
import { type Subscriber, startSubscriber } from './subscriber.ts';

const ORGANIZATIONS = 200;
const TRIGGERS = 10_000;
/** In flight at a time. */
const CLIENTS = 24;
/** So that there is something to send all the time. */
const TRIGGERS_PER_SECOND = 120;
/** By how much an arrival may be noticed late, on top of what the subscriber was held up by itself. */
const NOISE_MS = 10;
const SETTLED_WITHIN_MS = 180_000;
/** A group notices a death, and has shared anew what it had. */
const REBALANCED_WITHIN_MS = 60_000;

/** What endpoints are like, in turn: most have a gap; some are slow or broken. */
const KINDS = [
  { path: 'plain', gapMs: 300, retries: [] },
  { path: 'slow', gapMs: 250, retries: [] },
  { path: 'free', gapMs: 0, retries: [] },
  { path: 'failing', gapMs: 400, retries: ['1s'] },
] as const;

/** A delivery in a list. */
type Listed = Omit<Delivery, 'attempts'> & { attemptCount: number };

interface Tenant {
  organizationId: string;
  token: string;
}

interface Run {
  cluster: Cluster;
  tenants: Tenant[];
  endpoints: Endpoint[];
  /** The one of a role that is asked next: posts go to whichever API is up. */
  processes: Map<Role, Process[]>;
  posted: string[];
  published: string[];
  done: number;
}

/** Does `work` for each of the numbers below `count`, several at a time. */
async function inParallel(count: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: CLIENTS }, worker));
}

function apiOf({ processes }: Pick<Run, 'processes'>): string {
  const url = processes.get('api')?.at(-1)?.url;
  assert.ok(url);
  return `${url}/api/v1`;
}

async function setUp(run: Run, subscriber: Subscriber): Promise<void> {
  const { cluster, tenants, endpoints } = run;
  const api = apiOf(run);
  await inParallel(ORGANIZATIONS, async (number) => {
    const organization = await cluster.call('POST', `${api}/organizations`, { name: `org ${number}` });
    const organizationId = String(organization.id);
    const project = await cluster.call('POST', `${api}/organizations/${organizationId}/projects`, {
      name: `p ${number}`,
    });
    const integration = await cluster.call('POST', `${api}/projects/${project.id}/integrations`, {
      name: `i ${number}`,
    });
    const { path: kind, gapMs, ...others } = KINDS[number % KINDS.length] ?? KINDS[0];
    const path = `/${kind}/${number}`;
    const endpoint = await cluster.call('POST', `${api}/organizations/${organizationId}/endpoints`, {
      ...{ url: `${subscriber.url}${path}`, events: ['*'], gap: `${gapMs}ms`, timeout: '2s' },
      ...others,
    });
    tenants.push({ organizationId, token: String(integration.publicSecret) });
    const retries = others.retries.length > 0;
    endpoints.push({ id: String(endpoint.id), organizationId, path, gapMs, retries });
  });
}

/** Posts or publishes trigger number `number`, again until it is accepted. */
async function trigger(run: Run, number: number): Promise<void> {
  const tenant = run.tenants[number % run.tenants.length];
  assert.ok(tenant);
  await waitFor(`trigger ${number} to be accepted`, () => tryTrigger(run, tenant, number), 120_000);
  run.done++;
}

async function tryTrigger(run: Run, { organizationId, token }: Tenant, number: number): Promise<boolean> {
  const isPost = number % 10 !== 0;
  // Killed, and not yet followed by another one.
  if (run.processes.get('api')?.length === 0) return false;
  const api = apiOf(run);
  try {
    if (!isPost) {
      const data = { number };
      const { id } = await run.cluster.call('POST', `${api}/organizations/${organizationId}/events`, {
        kind: 'k',
        data,
      });
      run.published.push(String(id));
      return true;
    }
    const response = await request(`${api}/webhooks/logs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ message: `trigger ${number}` }),
    });
    const body = (await response.body.json()) as { id?: string };
    if (response.statusCode !== 201) return false;
    run.posted.push(String(body.id));
    return true;
  } catch (error) {
    if (error instanceof TypeError) throw error;
    // Killed under us, or 503: a client tries again. What it had accepted without an answer is one more trigger.
    return false;
  }
}

async function triggerAll(run: Run): Promise<void> {
  const startedAtMs = performance.now();
  await inParallel(TRIGGERS, async (number) => {
    const dueAtMs = startedAtMs + (number * 1_000) / TRIGGERS_PER_SECOND;
    await waitFor('the next trigger', () => performance.now() >= dueAtMs, 600_000);
    await trigger(run, number);
  });
}

/** What is done to the processes, one thing after the other, while triggers come in. */
function chaos(t: TestContext, run: Run, broker: Broker) {
  const { cluster, processes } = run;
  const tell = (what: string) => t.diagnostic(`${run.done} triggers: ${what}`);

  async function add(role: Role): Promise<void> {
    const added = await cluster.start(role);
    processes.set(role, [...(processes.get(role) ?? []), added]);
  }

  function take(role: Role): Process {
    const [first, ...rest] = processes.get(role) ?? [];
    assert.ok(first);
    processes.set(role, rest);
    return first;
  }

  /** Waits until the group has so many members. */
  async function grown(group: Group, members: number): Promise<void> {
    await waitFor(
      `${members} members in ${group}`,
      // The broker may be away: then it is asked again.
      async () => (await cluster.members(group).catch(() => -1)) === members,
      REBALANCED_WITHIN_MS,
    );
  }

  /** Triggers go on coming in. */
  async function more(count = 300): Promise<void> {
    const until = Math.min(TRIGGERS, run.done + count);
    await waitFor(`${until} triggers`, () => run.done >= until, 120_000);
  }

  return {
    add,
    grown,
    more,
    async kill(role: Role, group?: Group) {
      const victim = take(role);
      victim.kill('SIGKILL');
      assert.equal(await victim.ended, 'SIGKILL');
      tell(`${role} killed`);
      if (group !== undefined) await grown(group, 1);
      await add(role);
      if (group !== undefined) await grown(group, 2);
      await more();
    },
    async freeze(role: Role, group: Group) {
      const [zombie] = processes.get(role) ?? [];
      assert.ok(zombie);
      zombie.kill('SIGSTOP');
      tell(`${role} stopped`);
      await grown(group, 1);
      await more();
      zombie.kill('SIGCONT');
      tell(`${role} goes on`);
      await grown(group, 2);
      await more();
    },
    async restartBroker() {
      await broker.stop('SIGKILL');
      tell('broker killed');
      await broker.start();
      await grown('dispatcher', 2);
      await grown('recorder', 2);
      await more();
    },
  };
}

/** Waits until nothing is pending, and all that was accepted is told of. */
async function settled(run: Run): Promise<void> {
  const { cluster, posted, published } = run;
  const api = apiOf(run);
  await waitFor(
    'all to settle',
    async () => {
      for (const collection of ['inbound-webhooks', 'deliveries']) {
        const { items } = await cluster.call('GET', `${api}/${collection}?status=pending&limit=1`);
        if ((items as unknown[]).length > 0) return false;
      }
      const deliveries = await listAll(cluster, `${api}/deliveries?`);
      return deliveries.length >= posted.length + published.length;
    },
    SETTLED_WITHIN_MS,
  );
}

test('10,000 triggers through processes that are killed and frozen, and a broker that is killed: all are accounted for', {
  skip: missingOwn('kafka') || missing('mongodb'),
}, async (t) => {
  const broker = await startBroker(t);
  const cluster = await newCluster(t, broker.url);
  const subscriber = await startSubscriber(t);
  const run: Run = {
    ...{ cluster, tenants: [], endpoints: [], processes: new Map(), posted: [], published: [], done: 0 },
  };
  const { add, grown, more, kill, freeze, restartBroker } = chaos(t, run, broker);
  for (const role of ['api', 'project', 'record', 'dispatch', 'record', 'dispatch'] as const) await add(role);
  await grown('dispatcher', 2);
  await grown('recorder', 2);
  await setUp(run, subscriber);
  t.diagnostic(`${run.tenants.length} organizations`);

  const startedAtMs = performance.now();
  const triggering = triggerAll(run);
  triggering.catch(() => {});
  await more();
  await kill('dispatch', 'dispatcher');
  await kill('record', 'recorder');
  await freeze('dispatch', 'dispatcher');
  await freeze('record', 'recorder');
  await restartBroker();
  await kill('project');
  await kill('api');
  await kill('dispatch', 'dispatcher');
  await triggering;
  t.diagnostic(`accepted in ${((performance.now() - startedAtMs) / 1_000).toFixed(0)} s`);
  await settled(run);

  const api = apiOf(run);
  const [logs, listed] = await Promise.all([
    listAll<Evidence['logs'][number]>(cluster, `${api}/logs?`),
    listAll<Listed>(cluster, `${api}/deliveries?`),
  ]);
  const deliveries: Delivery[] = listed.map((item) => ({ ...item, attempts: [] }));
  const sent = deliveries.filter((_, i) => (listed[i]?.attemptCount ?? 0) > 0);
  await inParallel(sent.length, async (number) => {
    const delivery = sent[number];
    assert.ok(delivery);
    const shown = await cluster.call('GET', `${api}/deliveries/${delivery.id}`);
    delivery.attempts = shown.attempts as Delivery['attempts'];
  });
  const { arrivals, noiseMs } = await subscriber.arrivals();
  const { posted, published, endpoints } = run;
  const repeats = arrivals.length - new Set(arrivals.map(({ webhookId }) => webhookId)).size;
  t.diagnostic(
    `${deliveries.length} deliveries, ${arrivals.length} arrivals, ${repeats} repeats with retries, noise ${noiseMs.toFixed(0)} ms`,
  );
  const wrong = judge({
    ...{ posted, published, endpoints, deliveries, arrivals },
    logs,
    noiseMs: NOISE_MS + noiseMs,
    // Dispatchers that were killed or frozen; what fails is tried again by its schedule.
    crashes: 4,
  });
  const told = [...run.processes.values()]
    .flat()
    .map(({ role, stderr }) => `${role}: ${stderr().slice(-500)}`);
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} things are wrong\n${told.join('\n')}`);

  for (const process of [...run.processes.values()].flat()) {
    process.kill('SIGTERM');
    assert.equal(await process.ended, 0, process.stderr());
  }
});
