// The routes of jobs: begin one, look at it, cancel it. Each kind is a path, and how its body becomes a task.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OrganizationId, Prefix } from '../ids.ts';
import type { Clock } from '../time.ts';
import { MOST_FINDINGS } from '../verify/verify.ts';
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
  /** The task of a body, and what is shown of it before it reports. Throws InvalidInput. */
  read(body: unknown): { task: Task; report: object };
}

export async function jobRoutes(server: FastifyInstance, options: JobRoutesOptions): Promise<void> {
  serveKind(server, replays(options.views), options);
  serveKind(server, verifications(options.organization), options);
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
    ...{ path: '/replays', kind: 'replay', prefix: 'rpl' },
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
    ...{ path: '/verifications', kind: 'verification', prefix: 'vrf' },
    read(body) {
      const { organization: named, limit } = parse(body);
      const organizationId = named === undefined ? undefined : organization(named).id;
      const report = organizationId === undefined ? {} : { organizationId };
      return { task: { type: 'verification', organizationId, limit }, report };
    },
  };
}

function serveKind(server: FastifyInstance, { path, read, ...of }: Kind, options: JobRoutesOptions): void {
  const { doTask, clock } = options;
  const onFault = (error: unknown) =>
    server.log.error({ err: error }, `a ${of.kind} failed through a fault of ours`);
  const jobs = createJobs({ ...of, clock, onFault });
  // Before the server waits for what is being answered: a job that is being begun or cancelled is.
  server.addHook('preClose', () => jobs.close());
  server.post(path, async (request, reply) => {
    const { task, report } = read(jsonBodyOr(request, {}));
    const job = await jobs.start(report, (io) => doTask(task, io));
    reply.code(202).header('location', `${server.prefix}${path}/${job.id}`);
    return job;
  });
  server.get(path, async () => ({ items: jobs.list(), cursor: null }));
  server.get(`${path}/:id`, async (request) => jobs.show(idOf(request)));
  server.delete(`${path}/:id`, (request) => jobs.cancel(idOf(request)));
}

function idOf({ params }: FastifyRequest): string {
  return (params as { id: string }).id;
}
