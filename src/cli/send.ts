// hooklane send: posts a payload as an integration would, over HTTP.

import type { Command } from 'commander';
import { loadConfig, urlOf } from '../config.ts';
import { hasShape } from './answer-shape.ts';
import { CommandFailed } from './failed.ts';
import { httpUrl, idempotencyKey, readInput, token } from './options.ts';
import { harmless, printFields, printJson } from './output.ts';
import { ANSWERED_WITHIN_MS, parsedOr, remoteUrl, stranger, unreachable } from './remote-server.ts';

interface SendOptions {
  token: string;
  url?: string;
  idempotencyKey?: string;
  json?: true;
}

export function registerSend(program: Command): void {
  program
    .command('send')
    .description('post a payload as an integration would')
    .argument('<file>', 'a file with a JSON object; - for standard input')
    .requiredOption('--token <token>', "the integration's publicSecret", token)
    .option('--url <url>', 'the server (default: HOOKLANE_URL, or http://HOST:PORT)', httpUrl)
    .option('--idempotency-key <key>', 'post it once, however often this is run within 24 h', idempotencyKey)
    .option('--json', 'print one JSON document')
    .addHelpText('after', `\nExample:\n  $ echo '{"message":"Hello"}' | hooklane send --token ints_… -`)
    .action(send);
}

async function send(
  file: string,
  { token: secret, url, idempotencyKey: key, json }: SendOptions,
): Promise<void> {
  const base = url ?? remoteUrl(process.env) ?? urlOf(loadConfig(process.env));
  const { request } = await import('undici');
  const input = readInput(file);
  const { statusCode, body } = await request(`${base.replace(/\/+$/, '')}/api/v1/webhooks/logs`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${secret}`,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: input,
    ...{ headersTimeout: ANSWERED_WITHIN_MS, bodyTimeout: ANSWERED_WITHIN_MS },
  }).catch((error: Error) => {
    throw new CommandFailed(unreachable(base, error), { cause: error });
  });
  const text = await body.text();
  if (statusCode !== 201)
    throw new CommandFailed(`${base} answered ${statusCode}: ${harmless(detailOf(text))}`);
  const posted = parsedOr(undefined, text);
  if (!hasShape<{ id: string }>(posted, { id: 'text' })) throw new CommandFailed(stranger(base));
  if (json) printJson(posted);
  else printFields(posted);
}

/** What a problem says, or the start of what is none. */
function detailOf(text: string): string {
  const problem = parsedOr(undefined, text);
  return hasShape<{ detail: string }>(problem, { detail: 'text' }) ? problem.detail : text.slice(0, 200);
}
