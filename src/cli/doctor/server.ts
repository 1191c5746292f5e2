// The server, over HTTP: at the port that is configured, and at HOOKLANE_URL where that is set. Judged apart from where it
// is asked.

import { type Config, InvalidConfig, urlOf } from '../../config.ts';
import { remoteServer } from '../remote-server.ts';
import { type Check, checksOf } from './check.ts';
import type { Env } from './configuration.ts';
import { judgeServerClock } from './stores.ts';

/** What answered. */
export type Probe =
  /** Nobody listens there. */
  | { type: 'refused' }
  | { type: 'failed'; error: string }
  /** Somebody, but not Hooklane. */
  | { type: 'stranger' }
  | {
      type: 'hooklane';
      /** What is not ready, for people; undefined: all is. */
      notReady: string | undefined;
      /** What its clock showed, to the second. */
      atMs: number | undefined;
      /** Whether it took the token; undefined: it was not asked. */
      tokenTaken: boolean | undefined;
    };

const { ok, warning, problem } = checksOf('server');

/** `served`: whether a process works our log off; undefined: nobody can say. */
export function judgePort(url: string, probe: Probe, served: boolean | undefined): Check {
  const name = 'port';
  const other = 'set PORT to another one, or stop that program';
  switch (probe.type) {
    case 'refused':
      if (served !== true) return ok(name, `nobody listens at ${url}: it is free for hooklane serve`);
      return warning(
        name,
        `nobody listens at ${url}, though a process works the log off`,
        'set PORT and HOST to where it listens, if it has the role api',
      );
    case 'failed':
      return problem(name, `${url} does not answer: ${probe.error}`, other);
    case 'stranger':
      return problem(name, `at ${url} listens another program than Hooklane`, other);
    case 'hooklane':
      if (probe.notReady !== undefined) return notReady(name, url, probe.notReady);
      if (served !== false) return ok(name, `Hooklane at ${url} is ready`);
      return warning(
        name,
        `Hooklane at ${url} is ready, but nobody works the log of this configuration off`,
        'set HOOKLANE_DATA, or HOOKLANE_LOG, to what that server has; or start the roles record and dispatch',
      );
    default:
      return probe satisfies never;
  }
}

function notReady(name: string, url: string, why: string): Check {
  return problem(name, `Hooklane at ${url} is not ready: ${why}`, 'see its messages; it goes on by itself');
}

/** The server that commands are to ask. */
export function judgeRemote(url: string, probe: Probe, nowMs: number): Check[] {
  const name = 'HOOKLANE_URL';
  const mend = 'set HOOKLANE_URL to where Hooklane listens, and see to it that it runs';
  switch (probe.type) {
    case 'refused':
      return [problem(name, `nobody listens at ${url}`, mend)];
    case 'failed':
      return [problem(name, `${url} does not answer: ${probe.error}`, mend)];
    case 'stranger':
      return [problem(name, `${url} answers something else than Hooklane does`, mend)];
    case 'hooklane': {
      const checks = [
        probe.notReady === undefined
          ? ok(name, `Hooklane at ${url} is ready`)
          : notReady(name, url, probe.notReady),
      ];
      if (probe.tokenTaken === false)
        checks.push(problem('HOOKLANE_TOKEN', 'it is refused there', 'set it to a token of that server'));
      // The header tells whole seconds.
      if (probe.atMs !== undefined && Math.abs(probe.atMs - nowMs) > SECOND_MS)
        checks.push(judgeServerClock(url, probe.atMs - nowMs));
      return checks;
    }
    default:
      return [probe satisfies never];
  }
}

const SECOND_MS = 1_000;

// ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────

const WITHIN_MS = 3_000;
/** Of an answer that are read. */
const MOST_BYTES = 64 * 1024;

/** Looks at the port of this configuration, and at HOOKLANE_URL. */
export async function examineServer(
  config: Config,
  { env, served, nowMs }: { env: Env; served: boolean | undefined; nowMs: number },
): Promise<Check[]> {
  const checks: Check[] = [];
  if (config.port === 0) checks.push(ok('port', 'any free one is taken, so it is not looked at'));
  else {
    const url = urlOf(config);
    checks.push(judgePort(url, await probe(url, { anyCertificate: true }), served));
  }
  return [...checks, ...(await examineRemote(env, nowMs))];
}

/** The server that commands are to ask, if there is one. */
async function examineRemote(env: Env, nowMs: number): Promise<Check[]> {
  try {
    const server = remoteServer(env);
    return server === undefined
      ? []
      : judgeRemote(server.url, await probe(server.url, { token: server.token }), nowMs);
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return error.problems.map(({ name, message }) => problem(name, message, MENDS[name] ?? `set ${name}`));
  }
}

const MENDS: Readonly<Record<string, string>> = {
  HOOKLANE_URL: 'set it to where a server listens, or unset it',
  HOOKLANE_TOKEN: 'set it to a token of that server, or unset HOOKLANE_URL',
};

interface Asking {
  token?: string;
  /** Whether it may be of whatever name, and signed by anybody: no secret is sent. */
  anyCertificate?: true;
}

/** Asks who listens at `url`. */
export async function probe(url: string, asking: Asking = {}): Promise<Probe> {
  const { token } = asking;
  const open: Asking = asking.anyCertificate ? { anyCertificate: true } : {};
  try {
    const health = await get(`${url}/healthz`, open);
    if (health.status !== 200 || health.body.status !== 'ok') return { type: 'stranger' };
    const ready = await get(`${url}/readyz`, open);
    const taken =
      token === undefined ? undefined : await get(`${url}/api/v1/organizations?limit=1`, { token });
    const atMs = health.date === undefined ? Number.NaN : Date.parse(health.date);
    return {
      type: 'hooklane',
      notReady: ready.status === 200 ? undefined : String(ready.body.detail ?? `it answers ${ready.status}`),
      atMs: Number.isNaN(atMs) ? undefined : atMs,
      tokenTaken: taken === undefined ? undefined : taken.status !== 401,
    };
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): Probe {
  if (!(error instanceof Error)) throw error;
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED') return { type: 'refused' };
  // Whoever speaks something else than HTTP.
  if (error.name === 'HTTPParserError') return { type: 'stranger' };
  return { type: 'failed', error: error.name === 'TimeoutError' ? 'no answer in time' : error.message };
}

interface Got {
  status: number;
  date: string | undefined;
  /** Empty: it is no JSON object. */
  body: Record<string, unknown>;
}

async function get(url: string, { token, anyCertificate }: Asking): Promise<Got> {
  // Loaded only here, as other commands do without.
  const { Agent, request } = await import('undici');
  const answer = await request(url, {
    signal: AbortSignal.timeout(WITHIN_MS),
    ...(anyCertificate ? { dispatcher: new Agent({ connect: { rejectUnauthorized: false } }) } : {}),
    // A connection that is kept would keep the command from ending.
    reset: true,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  let text = '';
  for await (const chunk of answer.body) {
    text += String(chunk);
    if (text.length > MOST_BYTES) break;
  }
  const { date } = answer.headers;
  return {
    status: answer.statusCode,
    date: typeof date === 'string' ? date : undefined,
    body: objectIn(text),
  };
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    // Somebody else than Hooklane.
    return {};
  }
}
