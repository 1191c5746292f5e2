// hooklane endpoint: who is told.

import { setTimeout as delay } from 'node:timers/promises';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { DEFAULT_RETRIES_MS } from '../command/admin/endpoint.ts';
import type { Operation } from '../command/admin/operations.ts';
import { WHEN_BUSY } from '../events.ts';
import { NotFound } from '../query/errors.ts';
import type { Item } from '../query/shapes.ts';
import { formatDuration, parseDuration } from '../time.ts';
import type { Api } from './api.ts';
import { showDelivery } from './delivery-print.ts';
import { CommandFailed } from './failed.ts';
import { duration, durations, httpUrl, list, oneOf, wholeNumber } from './options.ts';
import { note, print, printFields, printJson } from './output.ts';
import { addChange, addList, change } from './resource.ts';
import { withApi } from './with-api.ts';

/** How often it is looked for what came of a test, and how much longer than its gap and timeout that may take. */
const POLL_MS = 50;
const TEST_SLACK_MS = 5_000;

interface CreateOptions {
  org: string;
  url: string;
  events: string[];
  gap?: string;
  whenBusy?: string;
  maxQueued?: number;
  retries?: string[];
  timeout?: string;
  json?: true;
}

export function registerEndpoint(program: Command): void {
  const endpoint = program.command('endpoint').description('endpoints of an organization: who is told');
  endpoint
    .command('create')
    .description('subscribe a URL to events; its signing secret is shown this once')
    .requiredOption('--org <organization>', 'the organization (id or name)')
    .requiredOption('--url <url>', 'where webhooks are sent', httpUrl)
    .requiredOption(
      '--events <kinds>',
      "kinds and patterns, such as log.created,deploy.created or 'log.*'",
      list,
    )
    .option('--gap <duration>', 'least time between two requests (default: 5s)', duration)
    .option(
      '--when-busy <policy>',
      `what to do with what comes too soon: ${WHEN_BUSY.join(', ')}`,
      oneOf(WHEN_BUSY),
    )
    .option('--max-queued <count>', 'with queue: how many may wait (default: 100)', wholeNumber(1, 10_000))
    .option(
      '--retries <delays>',
      `how long to wait after each failure, or none (default: ${DEFAULT_RETRIES_MS.map(formatDuration).join(',')})`,
      durations,
    )
    .option('--timeout <duration>', 'how long an exchange may take (default: 5s)', duration)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      "\nExample:\n  $ hooklane endpoint create --org acme --url https://example.com/hook --events 'log.*' --gap 10s",
    )
    .action(async (options: CreateOptions) => {
      await change(async (api) => {
        const { org, json: _, ...input } = options;
        const within = await api.resolve('organization', org);
        return { type: 'create-within', collection: 'endpoints', within, input };
      }, options);
      if (options.url.startsWith('http:')) note('Warning: http sends secrets and data in the clear.');
    });
  const columns = ['id', 'url', 'events', 'gap', 'status', 'organizationId?'];
  addList(endpoint, 'endpoints', columns, 'endpoint list --org acme');
  const named = { kind: 'endpoint', example: 'ep_…' } as const;
  endpoint
    .command('enable')
    .description('send to it again')
    .argument('<endpoint>', 'its id or URL')
    .option('--probe', 'send a test webhook, and say what came of it; exit code 1 unless it is delivered')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane endpoint enable ep_… --probe')
    .action(enable);
  addChange(endpoint, {
    ...named,
    command: 'disable',
    description: 'send nothing more to it; what comes is recorded as omitted',
    operation: (id) => ({ type: 'change', collection: 'endpoints', id, input: { status: 'disabled' } }),
  });
  endpoint
    .command('rotate-secret')
    .description('give an endpoint a new signing secret; the one before signs as well for a while')
    .argument('<endpoint>', 'its id or URL')
    .option(
      '--grace <duration>',
      'for how long the secret before signs as well; 0s: not at all (default: 24h)',
      duration,
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane endpoint rotate-secret ep_… --grace 2h')
    .action((name: string, options: { grace?: string; json?: true }) =>
      change(async (api) => {
        const id = await api.resolve('endpoint', name);
        const input = options.grace === undefined ? {} : { grace: options.grace };
        return { type: 'rotate-secret', collection: 'endpoints', id, input };
      }, options),
    );
  endpoint
    .command('test')
    .description('send a test webhook, and say what came of it; exit code 1 unless it is delivered')
    .argument('<endpoint>', 'its id or URL')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane endpoint test ep_…')
    .action(async (name: string, { json }: { json?: true }) => {
      const delivery = await withApi(async (api) => test(api, await api.resolve('endpoint', name)));
      if (json) printJson(delivery);
      else showDelivery(delivery);
      ensureDelivered(delivery);
    });
}

async function enable(name: string, { probe, json }: { probe?: true; json?: true }): Promise<void> {
  const { endpoint, delivery } = await withApi(async (api) => {
    const id = await api.resolve('endpoint', name);
    const enabling: Operation = { type: 'change', collection: 'endpoints', id, input: { status: 'active' } };
    const endpoint = await api.perform(enabling);
    return { endpoint, delivery: probe ? await test(api, id) : undefined };
  });
  if (json) printJson(delivery === undefined ? endpoint : { ...endpoint, probe: delivery });
  else printFields(endpoint);
  if (delivery === undefined) return;
  if (!json) {
    print(`\n${styleText('bold', 'probe')}`);
    showDelivery(delivery);
  }
  ensureDelivered(delivery);
}

/** Sends a test webhook and waits for its first attempt: the delivery then. */
async function test(api: Api, endpointId: string): Promise<Item> {
  const tested = await api.perform({ type: 'test', id: endpointId });
  const id = 'id' in tested ? String(tested.id) : '';
  if (!(await api.served())) throw new CommandFailed(`no server runs here; ${id} is sent when one does`);
  const { gap, timeout } = await api.show('endpoints', endpointId);
  const mostMs = [gap, timeout].reduce<number>((sum, text) => sum + (parseDuration(String(text)) ?? 0), 0);
  const deadlineMs = performance.now() + mostMs + TEST_SLACK_MS;
  for (;;) {
    const delivery = await api.show('deliveries', id).catch(ifNotThere);
    if (delivery !== undefined && hadAttempt(delivery)) return delivery;
    if (performance.now() >= deadlineMs)
      throw new CommandFailed(`${id} was not sent in time; it is still to come`);
    await delay(POLL_MS);
  }
}

/** The server decides and projects it a moment later. */
function ifNotThere(error: unknown): undefined {
  if (!(error instanceof NotFound)) throw error;
}

function hadAttempt(delivery: Item): boolean {
  return delivery.status !== 'pending' || 'durationMs' in firstAttempt(delivery);
}

/** Its fields; none where there was no attempt yet. */
function firstAttempt({ attempts }: Item): object {
  const [first] = Array.isArray(attempts) ? attempts : [];
  return typeof first === 'object' && first !== null ? first : {};
}

function ensureDelivered(delivery: Item): void {
  if (delivery.status === 'processed') return;
  const first = firstAttempt(delivery);
  const why = 'detail' in first ? `: ${first.detail}` : '';
  throw new CommandFailed(`the test ${delivery.id} was not delivered${why}`);
}
