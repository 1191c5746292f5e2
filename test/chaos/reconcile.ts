// What a run of chaos comes to: everything that went in is held against everything that is told of it and everything that
// arrived. Pure.

import { type Evidence, judge, judgeGaps } from '../engines/judge.ts';

/** A post, by its number, and what became of it. */
export interface Posted {
  number: number;
  /** The id that it was answered 201 with, the status that it was refused with, or undefined: it was not answered. */
  answer: { id: string } | { status: number } | undefined;
}

export interface Run {
  posted: readonly Posted[];
  /** By their messages they are told to be of a post: see messageOf(). */
  logs: readonly { id: string; inboundWebhookId: string; message: string }[];
  evidence: Omit<Evidence, 'posted' | 'published' | 'logs'>;
  /** Whether what was refused may be there all the same: then it is only counted. */
  refusedMayBeThere: boolean;
  /** By command: what it has found, in its words; empty: nothing. */
  checks: Readonly<Record<string, string>>;
  /** What was done, and how often. */
  faults: Readonly<Record<string, number>>;
  seconds: number;
}

export interface Row {
  what: string;
  count: number;
  /** What the count has to be; undefined: anything. */
  mustBe?: number;
}

export interface Reconciliation {
  rows: Row[];
  /** What is wrong, one line each; empty: nothing. */
  wrong: string[];
}

export function messageOf(number: number): string {
  return `post ${number}`;
}

export function reconcile(run: Run): Reconciliation {
  const { posted, logs, evidence, refusedMayBeThere, checks, faults, seconds } = run;
  const byMessage = new Map(posted.map((post) => [messageOf(post.number), post]));
  const accepted = posted.flatMap(({ answer }) => (answer && 'id' in answer ? [answer.id] : []));
  const isRefused = ({ answer }: Posted) => answer !== undefined && 'status' in answer;
  const whose = (is: (post: Posted) => boolean) =>
    logs.filter(({ message }) => {
      const post = byMessage.get(message);
      return post !== undefined && is(post);
    });
  const recorded = new Set(logs.map(({ inboundWebhookId }) => inboundWebhookId));
  const lost = accepted.filter((id) => !recorded.has(id));
  const doubled = [...Map.groupBy(logs, ({ message }) => message)].filter(([, found]) => found.length > 1);
  const unknown = logs.filter(({ message }) => !byMessage.has(message));

  const { deliveries, endpoints, arrivals } = evidence;
  const pairs = new Set(deliveries.map(({ eventId, endpointId }) => `${eventId} ${endpointId}`));
  const expected = logs.flatMap(({ id }) =>
    endpoints.map((endpoint) => `${id.replace('log_', 'evt_')} ${endpoint.id}`),
  );
  const missing = expected.filter((pair) => !pairs.has(pair));
  const having = (status: string) => deliveries.filter((delivery) => delivery.status === status).length;
  const all: Evidence = { ...evidence, posted: accepted, published: [], logs };
  const tooClose = [...judgeGaps(all)];
  const once = new Set(endpoints.filter(({ retries }) => !retries).map(({ path }) => path));
  const withoutRetries = arrivals.filter(({ path }) => once.has(path));
  const found = Object.entries(checks).filter(([, text]) => text !== '');

  const rows: Row[] = [
    { what: 'posts sent', count: posted.length },
    { what: '  answered 201', count: accepted.length },
    { what: '  answered otherwise', count: posted.filter(isRefused).length },
    { what: '  not answered', count: posted.filter(({ answer }) => answer === undefined).length },
    { what: 'logs recorded', count: logs.length },
    {
      what: '  of posts answered 201',
      count: whose(({ answer }) => answer !== undefined && 'id' in answer).length,
      mustBe: accepted.length,
    },
    { what: '  of posts not answered', count: whose(({ answer }) => answer === undefined).length },
    {
      what: '  of posts answered otherwise',
      count: whose(isRefused).length,
      ...(refusedMayBeThere ? {} : { mustBe: 0 }),
    },
    { what: '  lost', count: lost.length, mustBe: 0 },
    { what: '  doubled', count: doubled.length, mustBe: 0 },
    { what: '  of no post', count: unknown.length, mustBe: 0 },
    { what: 'deliveries', count: deliveries.length, mustBe: expected.length },
    { what: '  processed', count: having('processed') },
    { what: '  omitted', count: having('omitted') },
    { what: '  error', count: having('error') },
    { what: '  pending', count: having('pending'), mustBe: 0 },
    { what: '  missing', count: missing.length, mustBe: 0 },
    { what: 'arrivals', count: arrivals.length },
    {
      what: '  repeats after a crash',
      count: withoutRetries.length - new Set(withoutRetries.map(({ webhookId }) => webhookId)).size,
    },
    { what: '  too close', count: tooClose.length, mustBe: 0 },
    ...Object.keys(checks).map((name) => ({
      what: `${name} finds`,
      count: Number(checks[name] !== ''),
      mustBe: 0,
    })),
    ...Object.entries(faults).map(([what, count]) => ({ what, count })),
    { what: 'seconds', count: Math.round(seconds) },
  ];
  return {
    rows,
    wrong: [
      ...rows.filter(isWrong).map(({ what, count, mustBe }) => `${what.trim()}: ${count}, must be ${mustBe}`),
      ...lost.map((id) => `${id} was answered 201 and is not recorded`),
      ...doubled.map(([message, { length }]) => `${message} is recorded ${length} times`),
      ...missing.map((pair) => `${pair} has no delivery`),
      ...judge(all),
      ...found.map(([name, text]) => `${name}: ${text}`),
    ],
  };
}

function isWrong({ count, mustBe }: Row): boolean {
  return mustBe !== undefined && count !== mustBe;
}

/** The rows as people read them. */
export function table(rows: readonly Row[]): string {
  return rows
    .map((row) => {
      const { what, count, mustBe } = row;
      const told = mustBe === undefined ? '' : isWrong(row) ? `  ✖ must be ${mustBe}` : '  ✔';
      return `${what.padEnd(32)}${String(count).padStart(8)}${told}`;
    })
    .join('\n');
}
