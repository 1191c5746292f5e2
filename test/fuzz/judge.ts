// What must hold of every answer, and what of the log follows from it. Pure.

import type { EventType } from '../../src/events.ts';
import type { Answer } from './answers.ts';
import { type Collection, type Route, routeOf, STANDING, type World } from './grammar.ts';
import type { Sent } from './requests.ts';

/** What an answer must not tell: where in the code, or in which file, something happened. */
const INSIDE = /\n\s+at |node_modules|node:internal|\.[tj]s:\d|\/tmp\/|file:\/\/|\bFST_|\bSQLITE|ERR_[A-Z]/;
/** Statuses of which a header must say more. */
const TOLD_BY: Readonly<Record<number, string>> = {
  401: 'www-authenticate',
  405: 'allow',
  429: 'retry-after',
  503: 'retry-after',
};

/** What is wrong with an answer whoever asked for it; undefined: nothing. */
export function wrongAnswer({ status, headers, body }: Answer, mayBeBusy = false): string | undefined {
  if (status >= 300 && status < 400) return 'it sends elsewhere';
  if (status >= 400) {
    if (!/^application\/problem\+json(;|$)/.test(String(headers['content-type'])))
      return 'the error is no problem+json';
    if (body !== '') {
      const wrong = wrongProblem(status, body);
      if (wrong !== undefined) return wrong;
    }
    const telling = TOLD_BY[status];
    if (telling !== undefined && headers[telling] === undefined) return `the header ${telling} is missing`;
  }
  const isBusy = mayBeBusy && status === 503 && body.includes('urn:hooklane:problem:busy');
  return status >= 500 && !isBusy ? 'it is a fault of ours' : undefined;
}

function wrongProblem(status: number, body: string): string | undefined {
  if (INSIDE.test(body)) return 'it tells of the inside';
  const problem = parsed(body);
  if (problem === undefined) return 'the problem is no JSON object';
  if (!/^urn:hooklane:problem:[a-z-]+$/.test(String(problem.type))) return 'the problem has no type of ours';
  if (problem.status !== status) return 'the problem has another status';
  const isTold = (text: unknown) => typeof text === 'string' && text !== '';
  if (!isTold(problem.title) || !isTold(problem.detail)) return 'the problem has no title or detail';
  if (status === 422 && !Array.isArray(problem.errors) && !/invalid-import/.test(String(problem.type)))
    return 'the problem names no field';
  return undefined;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** What the log must hold in the end, as far as requests append to it. */
export interface Account {
  /** By type, how many events there must be. */
  exactly: Map<EventType, number>;
  /** How many of them may be missing: what was asked for was so already. */
  atMost: ReadonlySet<EventType>;
  /** The ids of the inbound webhooks that were answered 201. */
  inbound: Set<string>;
  /** Numbers of malformed requests that were cut off before they were answered: what came of them may be there. */
  doubtful: Set<number>;
}

export function newAccount(): Account {
  return {
    exactly: new Map(),
    atMost: new Set<EventType>(['WebhookRetryRequested']),
    inbound: new Set(),
    doubtful: new Set(),
  };
}

/** So many ids of a collection are known at a time. */
const MAX_KNOWN = 30;

export interface Judge {
  /** What is wrong with the answer to a request; undefined: nothing. Takes in what it tells. */
  take(sent: Sent, answer: Answer): string | undefined;
  /** The same of a post of a log, in whatever bytes it came. */
  takePost(answer: Answer): string | undefined;
  account: Account;
}

export function createJudge(world: World, adminToken: string): Judge {
  const account = newAccount();
  const integrations = new Set(world.tokens);

  function count(type: EventType, events: number): void {
    account.exactly.set(type, (account.exactly.get(type) ?? 0) + events);
  }

  /** Whether who has been given an answer may have it. */
  function wasAllowed({ headers }: Sent, { who }: Route): boolean {
    if (who === 'nobody') return true;
    return headers.some(([name, value]) => {
      const token = /^Bearer +(\S+)$/.exec(value)?.[1] ?? '';
      return name === 'authorization' && (who === 'admin' ? token === adminToken : integrations.has(token));
    });
  }

  function learn(name: string, { makes }: Route, body: Record<string, unknown>): void {
    if (makes !== undefined && typeof body.id === 'string') {
      keep(world.ids[makes], body.id);
      if (makes === 'integrations' && typeof body.publicSecret === 'string') {
        integrations.add(body.publicSecret);
        world.tokens.push(body.publicSecret);
        if (world.tokens.length > MAX_KNOWN) world.tokens.splice(STANDING, 1);
      }
    }
    if (typeof body.cursor === 'string') keep(world.cursors, body.cursor);
    const listed = /^GET \/api\/v1\/(deliveries|logs|inbound-webhooks)$/.exec(name)?.[1];
    if (listed !== undefined && Array.isArray(body.items))
      for (const { id } of body.items.slice(0, 3)) keep(world.ids[listed as Collection], String(id));
  }

  /** What has been deleted. */
  function forget(path: string): void {
    const id = path.slice(path.lastIndexOf('/') + 1);
    for (const known of Object.values(world.ids)) if (known.includes(id)) known.splice(known.indexOf(id), 1);
  }

  return {
    account,
    take(sent, answer) {
      const found = routeOf(sent.method, sent.path);
      const wrong = wrongAnswer(answer, found?.route.mayBeBusy);
      if (wrong !== undefined) return wrong;
      // Of what never became a request Node alone answers.
      if (answer.headers['x-request-id'] === undefined && answer.headers.date !== undefined)
        return 'it has no x-request-id';
      if (answer.status >= 300) return undefined;
      if (found === undefined) return 'there is no such route';
      const { name, route } = found;
      if (!wasAllowed(sent, route)) return 'it was given to somebody who may not';
      if (sent.method === 'HEAD' || route.endless) return undefined;
      const body = answer.status === 204 ? {} : parsed(answer.body);
      if (body === undefined) return name.endsWith('/export') ? undefined : 'the answer is no JSON object';
      // A repeat was appended when it came first.
      const isRepeat = answer.headers['idempotent-replayed'] === 'true';
      if (route.appends !== undefined && !isRepeat) count(route.appends, route.appended?.(body) ?? 1);
      if (route.who === 'integration') {
        for (const { id } of Array.isArray(body.items) ? body.items : [body])
          if (id !== undefined) account.inbound.add(String(id));
      }
      if (answer.status === 204) forget(sent.path);
      else learn(name, route, body);
      return undefined;
    },
    takePost(answer) {
      const wrong = wrongAnswer(answer);
      if (wrong !== undefined || answer.status !== 201) return wrong;
      count('LogReceived', 1);
      account.inbound.add(String(parsed(answer.body)?.id));
      return undefined;
    },
  };
}

function keep(known: string[], id: string): void {
  known.push(id);
  if (known.length > MAX_KNOWN) known.shift();
}

/**
 * What is not as the answers say; `found`: events by type, `recorded`: the inbound webhooks in the log, with the number
 * of those that came malformed.
 */
export function wrongLog(
  { exactly, atMost, inbound, doubtful }: Account,
  found: ReadonlyMap<EventType, number>,
  recorded: ReadonlyMap<string, number | undefined>,
): string[] {
  const unanswered = [...recorded].filter(([id]) => !inbound.has(id));
  const excused = unanswered.filter(([, number]) => number !== undefined && doubtful.has(number));
  const should = (type: EventType) =>
    (exactly.get(type) ?? 0) + (type === 'LogReceived' ? excused.length : 0);
  const types = [...new Set([...exactly.keys(), ...found.keys()])];
  const isRight = (type: EventType) => {
    const is = found.get(type) ?? 0;
    return atMost.has(type) ? is <= should(type) : is === should(type);
  };
  return [
    ...types
      .filter((type) => !isRight(type))
      .map((type) => `${found.get(type) ?? 0} events ${type}, where answers account for ${should(type)}`),
    ...[...inbound]
      .filter((id) => !recorded.has(id))
      .map((id) => `${id} was answered 201 and is not in the log`),
    ...unanswered
      .filter((one) => !excused.includes(one))
      .map(([id]) => `${id} is in the log and was not answered 201`),
  ];
}
