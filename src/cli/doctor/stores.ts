// The log and the read models: whether they can be reached and used, the master key fits, clocks agree, and webhooks may
// go where endpoints say. Topics that are not there are not made, and neither is a file. Judged apart from where it is asked.

import type { Config } from '../../config.ts';
import { atMsOf } from '../../events.ts';
import type { Log, LogLook } from '../../log/log.ts';
import { lookAtLog, lookAtViews, openLog } from '../../open.ts';
import { projections } from '../../projections/all.ts';
import { inWords } from '../../query/health.ts';
import type { EndpointHealth } from '../../query/lanes.ts';
import { summarizeLanes } from '../../query/status.ts';
import { takeUntil } from '../../query/take.ts';
import { secretsOfLane } from '../../sealed.ts';
import { createSecretBox, SecretUnreadable, sealedUnder } from '../../secrets.ts';
import { readableSize } from '../../size.ts';
import { MAX_SKEW_MS, toIso } from '../../time.ts';
import { type ViewsLook, ViewsRefused } from '../../views/views.ts';
import { type Check, checksOf, reasonOf } from './check.ts';
import type { DirectoryExamined } from './directory.ts';

/** More is no matter of NTP: gaps and times of the history are wrong. */
const WRONG_CLOCK_MS = 60_000;
/** How long the ends of topics are looked at, and how many events there. */
const NEWEST_WITHIN_MS = 2_000;
const NEWEST_EVENTS = 20;
/** How long it is looked under which master keys secrets are sealed. */
const SECRETS_WITHIN_MS = 2_000;

const ofLog = checksOf('log');
const ofViews = checksOf('read models');
const ofMachine = checksOf('machine');

// ── the log ─────────────────────────────────────────────────────────────────────────────────────────────────

type Keys = DirectoryExamined['masterKeys'];

export interface LogExamined {
  checks: Check[];
  /** Whether there is one; undefined: nobody can say. */
  isThere: boolean | undefined;
  /** Whether a process works the log off; undefined: nobody can say. */
  served: boolean | undefined;
}

/** Looks at the log. */
export async function examineLog(
  config: Config,
  { masterKeys, nowMs }: { masterKeys: Keys; nowMs: number },
): Promise<LogExamined> {
  try {
    const look = await lookAtLog(config);
    const { checks, isThere } = judgeLook(look, config.topicPrefix);
    if (!isThere) return { checks, isThere, served: false };
    const log = await openLog(config, { serve: false });
    try {
      const served = await log.served();
      return {
        checks: [...checks, ...(await examineOpened(log, config, { masterKeys, nowMs, served }))],
        isThere,
        served,
      };
    } finally {
      await log.close();
    }
  } catch (error) {
    const checks = [ofLog.problem('log', reasonOf(error), mendLog(config))];
    return { checks, isThere: undefined, served: undefined };
  }
}

function mendLog({ log }: Config): string {
  return log === 'sqlite'
    ? 'give this user its rights, or make room; a file that is damaged is put back from a backup (docs/operations.md)'
    : 'see to it that the brokers run, that HOOKLANE_LOG names them, and that this user has the rights of docs/deploy.md';
}

/** What is there, and whether all of it is. */
export function judgeLook(
  look: LogLook | 'file' | undefined,
  prefix: string,
): { checks: Check[]; isThere: boolean } {
  if (look === 'file') return { checks: [], isThere: true };
  if (look === undefined)
    return { checks: [ofLog.ok('log', 'there is none yet: it is made at the first start')], isThere: false };
  const brokers = ofLog.ok(
    'brokers',
    `${look.brokers} ${look.brokers === 1 ? 'broker answers' : 'brokers answer'} to us`,
  );
  const { there, missing } = look;
  if (missing.length === 0) return { checks: [brokers], isThere: true };
  if (there.length === 0) {
    const detail = `there are no topics ${prefix}* that this user may see: they are made at the first start`;
    const mend =
      'nothing, for a first start; else set HOOKLANE_TOPIC_PREFIX to what it was, or give this user its rights';
    return { checks: [brokers, ofLog.warning('topics', detail, mend)], isThere: false };
  }
  const detail = `${missing.join(', ')}: not there, or not to be seen by this user, though ${there.join(', ')} are`;
  const mend =
    'give this user Describe, Read and Write on all four topics; topics that are not there are made by hooklane serve';
  return { checks: [brokers, ofLog.problem('topics', detail, mend)], isThere: false };
}

async function examineOpened(
  log: Log,
  config: Config,
  { masterKeys, nowMs, served }: { masterKeys: Keys; nowMs: number; served: boolean },
): Promise<Check[]> {
  const size = readableSize(await log.size());
  const worked = served ? 'a process works it off' : 'no process works it off';
  // Asks for the rights on groups.
  await log.positions('recorder', 'inbound');
  await log.positions('dispatcher', 'organizations');
  const newestAtMs = await newestEvent(log);
  const { endpoints } = await summarizeLanes(log, nowMs);
  return [
    ofLog.ok('log', `${log.partitions} partitions a topic, ${size}; ${worked}`),
    judgeKeys(await secretsIn(log, nowMs), masterKeys),
    ...(newestAtMs === undefined ? [] : [judgeNewest(newestAtMs, nowMs)]),
    ...judgeEndpoints(endpoints, config),
  ];
}

/** A secret of each master key that lanes ask for; where there are no lanes yet, the first one in the log. */
async function secretsIn(log: Pick<Log, 'read'>, nowMs: number): Promise<string[]> {
  const byKey = new Map<string, string>();
  const add = (sealed: string) => byKey.set(sealedUnder(sealed), sealed);
  const untilMs = performance.now() + SECRETS_WITHIN_MS;
  await takeUntil(log.read('lanes', { types: ['LaneSaved'] }), untilMs, ({ events }) => {
    for (const { event } of events) {
      if (event.type !== 'LaneSaved') continue;
      for (const sealed of secretsOfLane(event, nowMs)) add(sealed);
    }
    return undefined;
  });
  if (byKey.size > 0) return [...byKey.values()];
  for await (const { events } of log.read('organizations', { types: ['OrganizationCreated'] })) {
    const [first] = events;
    if (first?.event.type === 'OrganizationCreated') return [first.event.secret];
  }
  return [];
}

/** Whether secrets in the log, if there are any, open under the master keys. */
export function judgeKeys(sealed: readonly string[], masterKeys: Keys): Check {
  const name = 'master key';
  if (masterKeys === 'unknown')
    return ofLog.warning(name, 'not looked at, as what there is cannot be used', 'mend the master key first');
  const mend = 'put the file master-key back from a backup, or set HOOKLANE_MASTER_KEY to what it was';
  if (sealed.length === 0) return ofLog.ok(name, 'the log holds no secret yet');
  if (masterKeys === undefined)
    return ofLog.problem(name, 'there is none, and the log holds secrets that were sealed under one', mend);
  try {
    const box = createSecretBox(masterKeys);
    for (const secret of sealed) box.open(secret);
    const several = masterKeys.length > 1 ? `; there are ${masterKeys.length}: see hooklane keys list` : '';
    return ofLog.ok(name, `it fits the secrets in the log${several}`);
  } catch (error) {
    if (!(error instanceof SecretUnreadable)) throw error;
    return ofLog.problem(name, error.message.replace(/: put the file.*$/, ''), mend);
  }
}

async function newestEvent(log: Pick<Log, 'ends' | 'read'>): Promise<number | undefined> {
  const untilMs = performance.now() + NEWEST_WITHIN_MS;
  let newestAtMs: number | undefined;
  for (const topic of ['inbound', 'organizations', 'outbound'] as const) {
    const ends = await log.ends(topic);
    const from = Object.fromEntries(
      ends.map((end, partition) => [partition, Math.max(0, end - NEWEST_EVENTS)]),
    );
    await takeUntil(log.read(topic, { from }), untilMs, ({ events }) => {
      for (const { event } of events) newestAtMs = Math.max(newestAtMs ?? 0, atMsOf(event) ?? 0);
      return undefined;
    });
  }
  return newestAtMs;
}

/** An event from the future was written by a clock that is ahead of this one. */
export function judgeNewest(newestAtMs: number, nowMs: number): Check {
  const aheadMs = newestAtMs - nowMs;
  const name = 'clock and log';
  if (aheadMs <= MAX_SKEW_MS) return ofLog.ok(name, `the newest event is of ${toIso(newestAtMs)}`);
  const detail = `the newest event is of ${toIso(newestAtMs)}, ${inWords(aheadMs)} after what this clock shows`;
  const mend = 'compare the clocks of all hosts, and run NTP on them: they may differ by 2 s';
  return aheadMs > WRONG_CLOCK_MS ? ofLog.problem(name, detail, mend) : ofLog.warning(name, detail, mend);
}

/** Endpoints that are not encrypted, where that matters. */
export function judgeEndpoints(
  { plain, active }: EndpointHealth,
  { production, allowHttp }: Pick<Config, 'production' | 'allowHttp'>,
): Check[] {
  const name = 'endpoints';
  if (!production || plain === 0) return [ofLog.ok(name, `${active} active, ${plain} of them by http`)];
  const detail = `${plain} of ${active} active endpoints have a URL of http`;
  if (allowHttp)
    return [
      ofLog.warning(
        name,
        `${detail}: what is sent to them can be read on its way`,
        'give them URLs of https',
      ),
    ];
  const mend = 'give them URLs of https, or set HOOKLANE_ALLOW_HTTP=1; hooklane endpoint list shows them';
  return [ofLog.problem(name, `${detail}, and in production nothing is sent to them`, mend)];
}

// ── the read models ─────────────────────────────────────────────────────────────────────────────────────────

/** Looks at the store of read models. `log`: whether there is a log; undefined: nobody can say. */
export async function examineViews(
  config: Config,
  { log, nowMs }: { log: boolean | undefined; nowMs: number },
): Promise<Check[]> {
  try {
    const look = await lookAtViews(config);
    return [...judgeViews(look, nowMs), ...(log === false ? judgeOrphans(look) : [])];
  } catch (error) {
    // What can be done about a file is said by how to mend it.
    const reason = reasonOf(error).replace(/; views\.db may be moved.*$/, '');
    return [ofViews.problem('store', reason, mendViews(config, error))];
  }
}

function mendViews({ views }: Config, error: unknown): string {
  if (views !== 'sqlite')
    return 'see to it that MongoDB runs, that HOOKLANE_VIEWS names it, and that its user may read and write the database';
  return error instanceof ViewsRefused
    ? 'stop Hooklane and move views.db away: it comes back from the log'
    : 'give this user its rights, or make room, and try again';
}

/** Read models without the log that they were made from: of a new one they would not show what comes. */
function judgeOrphans({ versions }: Pick<ViewsLook, 'versions'>): Check[] {
  if (versions.size === 0) return [];
  const mend =
    'put the log back from a backup, or set HOOKLANE_LOG and HOOKLANE_DATA to where it is; to begin anew, delete the read models';
  return [ofViews.problem('log of them', 'there are read models, and no log that they were made from', mend)];
}

export function judgeViews({ versions, server, serverAtMs }: ViewsLook, nowMs: number): Check[] {
  const checks = [ofViews.ok('store', server === undefined ? 'views.db' : `${server} answers`)];
  if (server === undefined && versions.size === 0)
    checks.splice(
      0,
      1,
      ofViews.ok('store', 'there is none yet: it is made at the first start, from the log'),
    );
  const declared = projections.map(({ definition }) => definition);
  const named = (isIt: (stored: number | undefined, version: number) => boolean) =>
    declared.filter(({ name, version }) => isIt(versions.get(name), version)).map(({ name }) => name);
  const newer = named((stored, version) => stored !== undefined && stored > version);
  const older = named((stored, version) => stored !== undefined && stored < version);
  const current = named((stored, version) => stored === version);
  if (newer.length > 0) {
    const mend =
      'run that release; or, to go back to this one, let the read models be made anew in an empty store';
    checks.push(
      ofViews.problem('versions', `${newer.join(', ')}: made by a newer release of Hooklane`, mend),
    );
  }
  if (older.length > 0) {
    const detail = `${older.join(', ')}: made by an older release, and to be made anew from the log`;
    checks.push(ofViews.warning('versions', detail, `hooklane replay ${older.join(' ')}`));
  }
  if (newer.length === 0 && older.length === 0 && current.length > 0)
    checks.push(ofViews.ok('versions', `${current.length} read models are as this release makes them`));
  if (serverAtMs !== undefined) checks.push(judgeServerClock(server ?? '', serverAtMs - nowMs));
  return checks;
}

/** How far the clock of another host is ahead, as it told when it was asked. */
export function judgeServerClock(server: string, aheadMs: number): Check {
  const name = `clock of ${server}`;
  if (Math.abs(aheadMs) <= MAX_SKEW_MS) return ofMachine.ok(name, 'it agrees with this one');
  const detail = `it is ${inWords(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} this one`;
  return ofMachine.warning(name, detail, 'run NTP on both');
}
