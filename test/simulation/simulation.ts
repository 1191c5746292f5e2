// One run: organizations with their endpoints, integrations that post, operators, subscribers in all their manners,
// and what goes wrong meanwhile. Recorder, dispatcher (lanes, crank, sender) and projector are the production code; the
// clock, the log, the network and the store of read models are simulated. Then it is quiet until all has ended, and the
// auditor judges.

import { createHash } from 'node:crypto';
import { createDestinations } from '../../src/destinations.ts';
import { startDispatcher } from '../../src/dispatch/dispatcher.ts';
import { createSender } from '../../src/dispatch/send.ts';
import {
  type EndpointCreated,
  type HooklaneEvent,
  type OrganizationEvent,
  TOPIC_OF,
  UNKEYED,
} from '../../src/events.ts';
import {
  derivedId,
  type EndpointId,
  type OrganizationId,
  type Prefix,
  type WebhookId,
} from '../../src/ids.ts';
import { projections } from '../../src/projections/all.ts';
import { projectBatch } from '../../src/projections/project.ts';
import { startProjector } from '../../src/projections/projector.ts';
import { startRecorder } from '../../src/record/recorder.ts';
import { type Trigger, triggerOf, webhookBody } from '../../src/trigger.ts';
import type { Finding as VerifyFinding } from '../../src/verify/report.ts';
import { verify } from '../../src/verify/verify.ts';
import { audit, type Finding } from './auditor.ts';
import { type Break, createBreaks } from './breaks.ts';
import { createLog, type SimulatedLog } from './log.ts';
import { createNetwork, type Manner, type Network } from './network.ts';
import { applyTo, createViews, type SimulatedViews, textsOf } from './views.ts';
import { BEGINS_AT_MS, createProcess, createWorld, type Machine, type Process, type World } from './world.ts';

export interface SimulationOptions {
  seed: number;
  /** Simulated hours in which things happen. */
  hours: number;
  organizations: number;
  broken?: Break;
}

export interface Report {
  findings: Finding[];
  /** What `hooklane verify` finds in the log that is left. */
  verified: VerifyFinding[];
  /** SHA-256 of everything that happened: two runs are the same if theirs are. */
  digest: string;
  triggers: number;
  webhooks: number;
  requests: number;
  faults: Record<string, number>;
}

/** How sealed secrets begin; what follows is told as it is, as nothing here is secret. */
const SEALED = 'sealed.v1.key.';
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** By how much clocks may differ where there are several machines. */
const SKEW_MS = 2_000;
const DISABLE_AFTER_MS = 8 * HOUR_MS;
/** That a partition keeps in memory: so few that many are let go, and read again. */
const QUIET_LANES = 4;
/** After so long all schedules are at their end, clocks that were put forward and back included. */
const QUIET_MS = 40 * HOUR_MS;
/** A process that is not heard of for so long loses its partitions. */
const SESSION_MS = 3 * SECOND_MS;

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const ROLES = ['record', 'dispatch', 'project'] as const;
type Role = (typeof ROLES)[number];

export async function simulate({ seed, hours, organizations, broken }: SimulationOptions): Promise<Report> {
  const world = createWorld(seed);
  const { random } = world;
  const breaks = createBreaks(broken);
  // One machine, whose clock may be put anywhere, or several, whose clocks differ by a little.
  const isCluster = broken === 'clocks-apart' || random.once(2);
  const machines: Machine[] = Array.from({ length: isCluster ? 2 : 1 }, () => ({ offsetMs: 0 }));
  const calls = { unavailable: 400, answerLost: 400, crash: 1_500, slowFetch: 20 };
  const quietly = { unavailable: Infinity, answerLost: Infinity, crash: Infinity, slowFetch: Infinity };
  const faults = { ...calls };
  const log = createLog(world, { faults, breaks });
  const views = createViews(world, { faults, breaks });
  const network = createNetwork(world, breaks);
  const disturbances: number[] = [];
  const counts: Record<string, number> = {};
  const staff = createStaff({ world, log, views, network, isCluster });
  const customers = createCustomers({ world, log, network, organizations });

  const endsAtMs = BEGINS_AT_MS + hours * HOUR_MS;
  for (const role of ROLES) for (const machine of machines) staff.hire(role, machine);
  await customers.move();

  /** Lets `work` happen again and again, on average after so long. */
  function often(everyMs: number, work: () => void): void {
    world.after(random.whole(1, 2 * everyMs), () => {
      if (world.now() >= endsAtMs) return;
      work();
      often(everyMs, work);
    });
  }

  /** What goes wrong, by its name. */
  const mishaps: Record<string, () => void> = {
    kill: () => staff.kill(),
    stop: () => staff.stop(random.whole(100, 20_000)),
    rebalance: () => log.rebalance(),
    'positions forgotten': () => log.forgetPositions(),
    'log away': () => log.goAway(random.whole(100, MINUTE_MS)),
    'views away': () => views.goAway(random.whole(100, MINUTE_MS)),
    'clock put': () => putClocks(),
  };

  function mishap(): void {
    const what = random.pick(Object.keys(mishaps));
    counts[what] = (counts[what] ?? 0) + 1;
    disturbances.push(world.now());
    mishaps[what]?.();
  }

  /** Of one machine, anywhere within an hour; of several, to anywhere within what they may differ by. */
  function putClocks(): void {
    const mostMs = breaks.clocksApart ? 4 * SKEW_MS : SKEW_MS / 2;
    // What happens to a clock while nobody looks at it, nobody can know.
    if (!isCluster) staff.spare(20 * SECOND_MS);
    for (const machine of machines) {
      if (isCluster) machine.offsetMs = random.whole(-mostMs, mostMs);
      else machine.offsetMs += random.whole(-HOUR_MS, HOUR_MS);
    }
  }

  often((24 * HOUR_MS) / organizations, () => {
    customers.burst();
    // Most of what goes wrong goes wrong when there is something to do.
    if (random.once(3)) world.after(random.whole(0, 15 * SECOND_MS), mishap);
  });
  often(HOUR_MS, mishap);
  often(5 * MINUTE_MS, () => customers.changeManner());
  often(20 * MINUTE_MS, () => customers.operate());

  await world.runUntil(endsAtMs);
  Object.assign(faults, quietly);
  customers.behaveWell();
  await world.runUntil(endsAtMs + QUIET_MS);

  const evidence = {
    accepted: customers.accepted,
    inbound: log.written('inbound'),
    organizations: log.written('organizations'),
    outbound: log.written('outbound'),
    departures: network.departures,
    disturbances: [...disturbances, ...staff.disturbances],
    live: views.documents(),
    rebuilt: rebuild(log),
    bugs: [...log.bugs, ...staff.bugs],
  };
  const hash = createHash('sha256');
  for (const { event, atMs } of evidence.outbound) hash.update(JSON.stringify([atMs, event]));
  for (const { atMs, webhookId } of network.departures) hash.update(`${atMs} ${webhookId}`);
  for (const [key, text] of evidence.live) hash.update(`${key} ${text}`);
  const types = evidence.outbound.map(({ event }) => event.type);
  const born = types.filter((type) => type === 'WebhookScheduled' || type === 'WebhookOmitted').length;
  return {
    findings: audit(evidence),
    verified: await verifyLog(log, isCluster),
    digest: hash.digest('hex'),
    triggers: customers.triggers(),
    webhooks: born,
    requests: network.departures.length,
    faults: { ...counts, crashes: staff.crashes() },
  };
}

/**
 * What is found by the log alone. Its times are all that it has to judge gaps by: on one machine, whose clock is put back
 * by up to an hour while nobody looks, they say nothing.
 */
async function verifyLog(log: SimulatedLog, isCluster: boolean): Promise<VerifyFinding[]> {
  const { findings } = await verify({ log: log.left() }, { limit: 1_000 });
  return findings.filter(({ check }) => isCluster || (check !== 'gaps' && check !== 'attempts'));
}

/** The read models as a replay makes them: from nothing, topic after topic. */
function rebuild(log: SimulatedLog): Map<string, string> {
  const documents: Parameters<typeof applyTo>[0] = new Map();
  for (const topic of ['outbound', 'organizations', 'inbound'] as const) {
    for (const { event, partition, offset } of log.written(topic)) {
      const events = [{ topic, partition, offset, event } as never];
      applyTo(documents, projectBatch(projections, { topic, partition, events, next: offset + 1, end: 0 }));
    }
  }
  return textsOf(documents);
}

// ── processes ───────────────────────────────────────────────────────────────────────────────────────────────

interface StaffOptions {
  world: World;
  log: SimulatedLog;
  views: SimulatedViews;
  network: Network;
  isCluster: boolean;
}

/** The processes of Hooklane: whoever dies is replaced. */
function createStaff({ world, log, views, network, isCluster }: StaffOptions) {
  const { random } = world;
  const destinations = createDestinations({ httpsOnly: false, allowAddresses: [] });
  const secrets = { open: (sealed: string) => sealed.slice(SEALED.length) };
  const employed = new Set<Process>();
  const bugs: string[] = [];
  const disturbances: number[] = [];
  let hired = 0;
  let crashes = 0;
  let sparedUntilMs = 0;

  function hire(role: Role, machine: Machine): void {
    const process: Process = createProcess(world, {
      name: `${role} ${++hired}`,
      machine,
      onDeath: () => replace(process, role, machine),
    });
    employed.add(process);
    const { time } = process;
    const mine = log.openFor(process, !isCluster);
    const skewMs = isCluster ? SKEW_MS : 0;
    if (role === 'record') startRecorder({ log: mine, time, logger: SILENT });
    else if (role === 'project') {
      const projector = startProjector({
        log: mine,
        views: views.openFor(process),
        projections,
        logger: SILENT,
        time,
      });
      projector.ended.catch((error: unknown) => bugs.push(`${process.name}: ${String(error)}`));
    } else {
      const sender = createSender({ secrets, time, transport: network.openFor(process), destinations });
      const settings = { skewMs, disableAfterMs: DISABLE_AFTER_MS, quietLanes: QUIET_LANES };
      startDispatcher({ log: mine, sender, time, logger: SILENT, ...settings });
    }
  }

  /** Whoever has died is missed after a while, and replaced. */
  function replace(process: Process, role: Role, machine: Machine): void {
    employed.delete(process);
    crashes++;
    disturbances.push(world.now());
    world.after(random.whole(0, SESSION_MS), () => log.missed(process));
    world.after(random.whole(100, 20_000), () => hire(role, machine));
  }

  const anyone = () => random.pick([...employed]);
  return {
    hire,
    bugs,
    disturbances,
    crashes: () => crashes,
    kill() {
      if (world.now() >= sparedUntilMs && employed.size > 0) anyone().kill();
    },
    stop(ms: number) {
      if (world.now() < sparedUntilMs || employed.size === 0) return;
      const process = anyone();
      process.stop(ms);
      world.after(SESSION_MS, () => process.isStopped && log.missed(process));
    },
    /** Nobody is killed or stopped for so long. */
    spare(ms: number) {
      sparedUntilMs = world.now() + ms;
    },
  };
}

// ── those who use it ────────────────────────────────────────────────────────────────────────────────────────

interface CustomersOptions {
  world: World;
  log: SimulatedLog;
  network: Network;
  organizations: number;
}

const MANNERS: readonly Manner[] = [
  ...(['well', 'well', 'well', 'well', 'failing', 'busy', 'slow'] as const),
  ...(['hanging', 'resetting', 'losing', 'closing', 'absent', 'absent'] as const),
];

/** Integrations, operators and subscribers. What they ask for goes through an API that can fail, but does not die. */
function createCustomers({ world, log, network, organizations }: CustomersOptions) {
  const { random } = world;
  const api = createProcess(world, { name: 'api', machine: { offsetMs: 0 } });
  const ours = log.openFor(api, false);
  const accepted = new Set<string>();
  const endpoints: EndpointCreated[] = [];
  const told = new Map<string, Trigger>();
  const lives = new Map<
    string,
    {
      state: string;
      organizationId: OrganizationId;
      endpointId: EndpointId;
      eventId: string;
      kind: string;
      attempts: number;
    }
  >();
  let made = 0;
  let triggers = 0;

  const id = <P extends Prefix>(prefix: P) => derivedId(prefix, world.now(), String(made++));
  const organizationIds = Array.from({ length: organizations }, () => id('org'));

  log.onWritten(({ event }) => {
    const trigger = TOPIC_OF[event.type] === 'organizations' && triggerOf(event as OrganizationEvent);
    // A recorder that forgets where it was makes the same once more, later.
    if (trigger && !told.has(trigger.eventId)) told.set(trigger.eventId, trigger);
    if (event.type === 'WebhookScheduled' || event.type === 'WebhookOmitted') {
      const { webhookId, organizationId, endpointId, eventId, kind } = event;
      const state = event.type === 'WebhookOmitted' ? 'ended' : 'pending';
      lives.set(webhookId, { state, organizationId, endpointId, eventId, kind, attempts: 0 });
    } else if ('webhookId' in event) {
      const life = lives.get(event.webhookId);
      if (life === undefined) return;
      if (event.type === 'AttemptStarted') life.attempts = event.attempt;
      if (event.type === 'WebhookFailed') life.state = 'ended';
      if (event.type === 'WebhookRetried') life.state = 'pending';
      if (event.type === 'WebhookProcessed') life.state = 'processed';
    }
  });

  /** Asks for it once; whether it was accepted. */
  async function ask(event: HooklaneEvent): Promise<boolean> {
    return ours.append([event]).then(
      () => true,
      () => false,
    );
  }

  async function insist(event: HooklaneEvent): Promise<void> {
    while (!(await ask(event)));
  }

  function endpointOf(organizationId: OrganizationId): EndpointCreated {
    const endpointId = id('ep');
    const gapMs = random.pick([0, 1_000, 5_000, 5_000, 10_000]);
    return {
      type: 'EndpointCreated',
      organizationId,
      endpointId,
      atMs: world.now(),
      secret: `${SEALED}whsec_${Buffer.from(endpointId).toString('base64')}`,
      url: `http://subscriber.test/${endpointId}`,
      events: random.pick([['*'], ['log.*'], ['order.paid', 'endpoint.*']]),
      gapMs,
      timeoutMs: random.pick([1_000, 5_000]),
      whenBusy: random.pick(['omit', 'queue', 'digest'] as const),
      maxQueued: random.pick([3, 100]),
      retriesMs: random.pick([[], [5_000, 30_000], [5_000, 30_000, 300_000, 1_800_000]]),
      status: 'active',
      disabledReason: null,
    };
  }

  function post(organizationId: OrganizationId): void {
    triggers++;
    if (random.once(2)) {
      const event = {
        type: 'EventPublished',
        eventId: id('evt'),
        organizationId,
        atMs: world.now(),
        kind: 'order.paid',
        data: '{}',
        ...UNKEYED,
      } as const;
      void ask(event);
      return;
    }
    const inboundId = id('in');
    const body = random.once(30) ? 'not JSON' : `{"message":"${inboundId}"}`;
    const n = organizationId.slice(4);
    const ids = { id: inboundId, organizationId, projectId: `prj_${n}`, integrationId: `int_${n}` } as const;
    const received = {
      receivedAtMs: world.now(),
      headers: {},
      body: Buffer.from(body),
      imported: false,
      ...UNKEYED,
    };
    void ask({ type: 'LogReceived', ...ids, ...received }).then((ok) => ok && accepted.add(inboundId));
  }

  return {
    accepted,
    triggers: () => triggers,
    /** All that is there at the beginning. */
    async move() {
      for (const organizationId of organizationIds) {
        const first = {
          type: 'OrganizationCreated',
          organizationId,
          atMs: world.now(),
          name: organizationId,
          secret: `${SEALED}orgs`,
        } as const;
        void insist(first);
        for (let n = random.whole(1, 3); n > 0; n--) {
          const endpoint = endpointOf(organizationId);
          endpoints.push(endpoint);
          network.behave(endpoint.url, random.pick(MANNERS));
          void insist(endpoint);
        }
      }
    },
    /** A few things happen to one organization, close together. */
    burst() {
      const organizationId = random.pick(organizationIds);
      for (let n = random.whole(1, 8); n > 0; n--) {
        world.after(random.whole(0, 12_000), () => post(organizationId));
      }
    },
    changeManner() {
      const manner = random.once(40) ? 'gone' : random.pick(MANNERS);
      network.behave(random.pick(endpoints).url, manner);
    },
    behaveWell() {
      for (const { url } of endpoints) network.behave(url, 'well');
    },
    /** An operator changes, tests, tries again or deletes something. */
    operate() {
      const endpoint = random.pick(endpoints);
      const { organizationId, endpointId, secret: _, type: __, atMs: ___, ...settings } = endpoint;
      const ids = { organizationId, endpointId, atMs: world.now() };
      switch (random.whole(0, 4)) {
        case 0: {
          const status = random.pick(['active', 'disabled', 'active'] as const);
          void ask({
            type: 'EndpointChanged',
            ...ids,
            ...settings,
            status,
            disabledReason: status === 'active' ? null : 'by hand',
          });
          return;
        }
        case 1:
          void ask({ type: 'EndpointTestRequested', ...ids, webhookId: id('wh'), eventId: id('evt') });
          return;
        case 2:
          if (random.once(5)) void ask({ type: 'EndpointDeleted', ...ids });
          else
            void ask({
              type: 'EndpointSecretRotated',
              ...ids,
              secret: endpoint.secret,
              previousUntilMs: world.now() + HOUR_MS,
            });
          return;
        default:
          retry();
      }
    },
  };

  /** Two operators at once, at times. */
  function retry(): void {
    const ended = [...lives].filter(([, { state, kind }]) => state === 'ended' && kind !== 'digest');
    for (let n = Math.min(ended.length, random.whole(1, 5)); n > 0; n--) {
      const [webhookId, life] = random.pick(ended);
      const trigger = told.get(life.eventId);
      if (trigger === undefined) continue;
      const { organizationId, endpointId, kind, attempts: attemptCount } = life;
      const asked: HooklaneEvent = {
        type: 'WebhookRetryRequested',
        webhookId: webhookId as WebhookId,
        organizationId,
        endpointId,
        eventId: trigger.eventId,
        kind,
        atMs: world.now(),
        attemptCount,
        body: Buffer.from(webhookBody(trigger)),
      };
      for (let times = random.whole(1, 2); times > 0; times--) void ask(asked);
    }
  }
}
