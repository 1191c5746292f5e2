// The routes of jobs: begin one, look at it, cancel it. Each kind is a path, and how its body becomes a task.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OrganizationId, Prefix } from '../ids.ts';
import { parsePast } from '../query/filters.ts';
import { type Clock, toIso } from '../time.ts';
import { MOST_FINDINGS } from '../verify/report.ts';
import { accessOf, UNBOUND } from './admit.ts';
import { jsonBodyOr } from './body.ts';
import { inputParser } from './input.ts';
import { createJobs, type Work } from './jobs.ts';

/** What can be done as a job. */
export type Task =
  | {
      type: 'replay';
      /** Which; empty: all. */
      views: string[];
      /** Only compare. */
      verify: boolean;
    }
  | {
      type: 'verification';
      /** Only this one; undefined: all. */
      organizationId: OrganizationId | undefined;
      /** Findings that are told of at most. */
      limit: number | undefined;
    }
  | {
      type: 'pruning';
      /** What was made before goes; in milliseconds since 1970. */
      beforeMs: number;
      /** Only say what would go. */
      dryRun: boolean;
      /** Who has it done, as events say it. */
      by: string;
    };

export interface JobRoutesOptions {
  /** Does a task, away from whoever takes posts. */
  doTask: (task: Task, io: Parameters<Work>[0]) => Promise<unknown>;
  /** The names of all views. */
  views: readonly string[];
  /** The organization that is given by id or name. Throws NotFound. */
  organization: (idOrName: string) => { id: OrganizationId };
  clock: Clock;
}

interface Kind {
  path: string;
  /** What one is called, and the prefix of its ids. */
  kind: string;
  prefix: Prefix;
  /** Whether it changes nothing, so that who may read may begin and cancel it. */
  onlyReads: boolean;
  /** The task of a body, for who asks, and what is shown of it before it reports. Throws InvalidInput. */
  read(body: unknown, by: string): { task: Task; report: object };
}

export async function jobRoutes(server: FastifyInstance, options: JobRoutesOptions): Promise<void> {
  serveKind(server, replays(options.views), options);
  serveKind(server, verifications(options.organization), options);
  serveKind(server, prunings(options.clock), options);
}

function replays(views: readonly string[]): Kind {
  const parse = inputParser<{ views?: string[]; verify?: boolean }>({
    type: 'object',
    additionalProperties: false,
    properties: {
      views: { type: 'array', minItems: 1, uniqueItems: true, items: { type: 'string', enum: views } },
      verify: { type: 'boolean' },
    },
  });
  return {
    ...{ path: '/replays', kind: 'replay', prefix: 'rpl', onlyReads: false },
    read(body) {
      const { views: chosen = [], verify = false } = parse(body);
      return { task: { type: 'replay', views: chosen, verify }, report: { verify, views: [] } };
    },
  };
}

function verifications(organization: JobRoutesOptions['organization']): Kind {
  const parse = inputParser<{ organization?: string; limit?: number }>({
    type: 'object',
    additionalProperties: false,
    properties: {
      organization: { type: 'string', minLength: 1, maxLength: 200 },
      limit: { type: 'integer', minimum: 1, maximum: MOST_FINDINGS },
    },
  });
  return {
    ...{ path: '/verifications', kind: 'verification', prefix: 'vrf', onlyReads: true },
    read(body) {
      const { organization: named, limit } = parse(body);
      const organizationId = named === undefined ? undefined : organization(named).id;
      const report = organizationId === undefined ? {} : { organizationId };
      return { task: { type: 'verification', organizationId, limit }, report };
    },
  };
}

function prunings(clock: Clock): Kind {
  const parse = inputParser<{ before: string; dryRun?: boolean }>({
    type: 'object',
    additionalProperties: false,
    required: ['before'],
    properties: { before: { type: 'string' }, dryRun: { type: 'boolean' } },
  });
  return {
    ...{ path: '/prunings', kind: 'pruning', prefix: 'prn', onlyReads: false },
    read(body, by) {
      const { before, dryRun = false } = parse(body);
      const beforeMs = parsePast('before', before, clock());
      return { task: { type: 'pruning', beforeMs, dryRun, by }, report: { before: toIso(beforeMs), dryRun } };
    },
  };
}

function serveKind(
  server: FastifyInstance,
  { path, read, onlyReads, ...of }: Kind,
  options: JobRoutesOptions,
): void {
  const { doTask, clock } = options;
  const needs = onlyReads
    ? { config: { needs: { ...UNBOUND.config.needs, scope: 'read' } } as const }
    : UNBOUND;
  const onFault = (error: unknown) =>
    server.log.error({ err: error }, `a ${of.kind} failed through a fault of ours`);
  const jobs = createJobs({ ...of, clock, onFault });
  // Before the server waits for what is being answered: a job that is being begun or cancelled is.
  server.addHook('preClose', () => jobs.close());
  server.post(path, needs, async (request, reply) => {
    const { task, report } = read(jsonBodyOr(request, {}), accessOf(request).by);
    const job = await jobs.start(report, (io) => doTask(task, io));
    reply.code(202).header('location', `${server.prefix}${path}/${job.id}`);
    return job;
  });
  server.get(path, needs, async () => ({ items: jobs.list(), cursor: null }));
  server.get(`${path}/:id`, needs, async (request) => jobs.show(idOf(request)));
  server.delete(`${path}/:id`, needs, (request) => jobs.cancel(idOf(request)));
}

function idOf({ params }: FastifyRequest): string {
  return (params as { id: string }).id;
}
