// How much of everything so many organizations and events need, on paper: from measured costs, by rules that stand here.
// Pure. It says what is needed at the least, evenly spread: no machine has been seen with the greatest of its answers.

/** What was measured, each of one core of one machine. */
export interface Costs {
  /** A post: taken, appended, answered. */
  postUs: number;
  /** An inbound webhook made a log. */
  recordUs: number;
  /** A trigger taken in, decided, claimed, sent and settled. */
  dispatchUs: number;
  /** All documents of an event in the read models. */
  projectUs: number;
  /** A quiet lane, of a dispatcher's heap. */
  laneBytes: number;
  /** Its record in topic lanes. */
  laneRecordBytes: number;
  /** A process without lanes or organizations, resident. */
  processBytes: number;
  /** One lane of a partition that changes hands. */
  restoreUs: number;
  /** An event in all topics together: the post, the log, the webhook's life. */
  logBytes: number;
  /** An organization with a project, an integration and an endpoint, of the heap of a process that serves the API. */
  organizationBytes: number;
  /** The same, until such a process that starts knows it. */
  knowUs: number;
}

/** What is taken for granted. */
export interface Rules {
  /** Of a core, how much is planned to be used. */
  use: number;
  /** A transaction of the log: of Kafka. */
  commitMs: number;
  /** Events of a turn. */
  turnEvents: number;
  /** Requests in flight from a process. */
  inFlight: number;
  /** What receivers take to answer. */
  receiverMs: number;
  /** Lanes of a partition at the most, so that a takeover is short. */
  partitionLanes: number;
  /** Of a dispatcher's heap, for lanes. */
  heapBytes: number;
  /** Until a dead process is missed. */
  sessionMs: number;
  /** Partitions at the least. */
  partitions: number;
}

export const RULES: Rules = {
  use: 0.6,
  commitMs: 20,
  turnEvents: 500,
  inFlight: 512,
  receiverMs: 100,
  partitionLanes: 100_000,
  heapBytes: 2 * 2 ** 30,
  sessionMs: 10_000,
  partitions: 16,
};

export interface Asked {
  organizations: number;
  /** Posts a second, each one webhook. */
  eventsPerSecond: number;
}

export interface Plan extends Asked {
  partitions: number;
  /** Processes of each role. */
  api: number;
  record: number;
  dispatch: number;
  /** Cores that read models would take; one projector takes all of them in, so more than one is more than it can. */
  projectCores: number;
  /** What says how many dispatchers there are. */
  dispatchBy: 'processor' | 'requests in flight' | 'memory';
  /** What says how many partitions there are. */
  partitionsBy: 'least' | 'lanes' | 'turns' | 'dispatchers';
  /** Of each dispatcher. */
  dispatcherBytes: number;
  /** Of each process that serves the API: every one knows all organizations. */
  apiBytes: number;
  /** Until such a process that starts is ready. */
  apiStartMs: number;
  /** Topic lanes, all of it. */
  lanesBytes: number;
  /** All topics but lanes, a day. */
  logBytesPerDay: number;
  /** Of one partition: from a dead owner to the first turn of the next one. */
  takeoverMs: number;
  /** Events a second of one partition, beyond which all that share it wait: what one hot organization may have. */
  partitionPerSecond: number;
  /** What gives out first if events grow from here with as many processes. */
  first: string;
}

/** What is needed for so much. */
export function plan({ organizations, eventsPerSecond }: Asked, costs: Costs, rules: Rules = RULES): Plan {
  const cores = (us: number) => (eventsPerSecond * us) / 1e6;
  const processes = (us: number) => Math.max(1, Math.ceil(cores(us) / rules.use));
  const dispatchers = {
    processor: processes(costs.dispatchUs),
    'requests in flight': Math.ceil(
      (eventsPerSecond * rules.receiverMs) / 1_000 / (rules.inFlight * rules.use),
    ),
    memory: Math.ceil((organizations * costs.laneBytes) / rules.heapBytes),
  };
  const [dispatchBy, dispatch] = greatest(dispatchers);
  const partitionPerSecond = perSecondOf(costs, rules);
  const [partitionsBy, least] = greatest({
    least: rules.partitions,
    lanes: Math.ceil(organizations / rules.partitionLanes),
    turns: Math.ceil(eventsPerSecond / (partitionPerSecond * rules.use)),
    dispatchers: dispatch,
  });
  const partitions = 2 ** Math.ceil(Math.log2(least));
  const [api, record, projectCores] = [
    processes(costs.postUs),
    processes(costs.recordUs),
    cores(costs.projectUs),
  ];
  const lanesOfDispatcher = organizations / dispatch;
  const used = {
    'the projector': projectCores,
    api: cores(costs.postUs) / api,
    recorders: cores(costs.recordUs) / record,
    dispatchers: cores(costs.dispatchUs) / dispatch,
    'requests in flight': (eventsPerSecond * rules.receiverMs) / 1_000 / (rules.inFlight * dispatch),
    'turns of partitions': eventsPerSecond / (partitionPerSecond * partitions),
  };
  return {
    organizations,
    eventsPerSecond,
    partitions,
    ...{ api, record, dispatch, projectCores, dispatchBy, partitionsBy, partitionPerSecond },
    dispatcherBytes: costs.processBytes + lanesOfDispatcher * costs.laneBytes,
    apiBytes: costs.processBytes + organizations * costs.organizationBytes,
    apiStartMs: (organizations * costs.knowUs) / 1_000,
    lanesBytes: organizations * costs.laneRecordBytes,
    logBytesPerDay: eventsPerSecond * 86_400 * costs.logBytes,
    takeoverMs: rules.sessionMs + ((organizations / partitions) * costs.restoreUs) / 1_000,
    first: greatest(used)[0],
  };
}

/** Events a second of one partition that has a core to itself: whole turns, one commit each. */
export function perSecondOf({ dispatchUs }: Pick<Costs, 'dispatchUs'>, rules: Rules = RULES): number {
  const turnMs = (rules.turnEvents * dispatchUs) / 1_000 + rules.commitMs;
  return (1_000 * rules.turnEvents) / turnMs;
}

function greatest<K extends string>(of: Readonly<Record<K, number>>): [K, number] {
  const entries = Object.entries(of) as [K, number][];
  return entries.reduce((most, entry) => (entry[1] > most[1] ? entry : most));
}

/** Events a second of one process with all roles, whose one core does all but the read models. */
export function onOneCore(
  { postUs, recordUs, dispatchUs }: Costs,
  { use }: Pick<Rules, 'use'> = RULES,
): number {
  return (1e6 * use) / (postUs + recordUs + dispatchUs);
}

/** The rows of docs/scaling.md, as Markdown. */
export function tableOf(plans: readonly Plan[]): string {
  const head = [
    ...['organizations', 'events/s', 'partitions', '`api`', '`record`', '`dispatch`', 'read models, cores'],
    ...[
      'a dispatcher',
      'an `api`',
      'topic lanes',
      'log a day',
      'takeover',
      '`api` starts',
      'gives out first',
    ],
  ];
  const rows = plans.map((row) => [
    row.organizations.toLocaleString('en'),
    row.eventsPerSecond.toLocaleString('en'),
    `${row.partitions.toLocaleString('en')} (${row.partitionsBy})`,
    row.api.toLocaleString('en'),
    row.record.toLocaleString('en'),
    `${row.dispatch.toLocaleString('en')} (${row.dispatchBy})`,
    row.projectCores < 10 ? row.projectCores.toFixed(2) : Math.round(row.projectCores).toLocaleString('en'),
    bytesText(row.dispatcherBytes),
    bytesText(row.apiBytes),
    bytesText(row.lanesBytes),
    bytesText(row.logBytesPerDay),
    `${(row.takeoverMs / 1_000).toFixed(1)} s`,
    `${(row.apiStartMs / 1_000).toFixed(1)} s`,
    row.first,
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes for people, in powers of 1,000. */
export function bytesText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1_000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`;
}
