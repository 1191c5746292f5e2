// hooklane listen: a receiver for trying things out. It prints every webhook that arrives, says how long after
// the one before it came and whether its signature is right, and answers as it is told to.

import type { IncomingMessage } from 'node:http';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { verifies } from '../dispatch/sign.ts';
import { createServer } from '../node-http.ts';
import { toIso } from '../time.ts';
import { notListening } from './not-listening.ts';
import { signingSecret, wholeNumber } from './options.ts';
import { harmless, note, print, printJson } from './output.ts';

/** Of a webhook's body so many bytes are taken; a longer one is answered 413. */
const MAX_BODY_BYTES = 1024 * 1024;

interface ListenOptions {
  port: number;
  secret?: string;
  status: number;
  json?: true;
}

export function registerListen(program: Command): void {
  program
    .command('listen')
    .description('receive webhooks, print them, and verify their signatures')
    .option('--port <port>', 'port on 127.0.0.1; 0 for any free one', wholeNumber(0, 65_535), 4000)
    .option('--secret <whsec>', "the endpoint's signing secret, to verify signatures with", signingSecret)
    .option('--status <code>', 'answer with this status code', wholeNumber(200, 599), 200)
    .option('--json', 'print one JSON object a webhook')
    .addHelpText('after', '\nExample:\n  $ hooklane listen --port 4000 --secret whsec_…')
    .action(listen);
}

/** Runs until SIGINT or SIGTERM. */
async function listen(options: ListenOptions): Promise<void> {
  let lastAtMs: number | undefined;
  const server = createServer((request, response) => {
    const atMs = Date.now();
    void readBody(request).then((body) => {
      response.writeHead(body === undefined ? 413 : options.status).end();
      if (body === undefined) return;
      const sinceLastMs = lastAtMs === undefined ? null : atMs - lastAtMs;
      lastAtMs = atMs;
      show({ request, body, atMs, sinceLastMs }, options);
    });
  });
  const { promise: stopped, resolve: stop, reject } = Promise.withResolvers<void>();
  const address = { host: '127.0.0.1', port: options.port, mend: 'set another port with --port' };
  server.once('error', (error) => reject(notListening(error, address)));
  server.listen(options.port, address.host, () => {
    const bound = server.address();
    const port = typeof bound === 'object' ? bound?.port : options.port;
    note(`Listening on http://127.0.0.1:${port}/ (Ctrl+C to stop)`);
  });
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  await stopped;
  server.close();
  server.closeAllConnections();
}

/** The body of a request; undefined: too long, or the connection was cut. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    }
  } catch {
    // The sender went away in the middle: there is no webhook, and nobody to answer.
    return undefined;
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined;
}

interface Arrived {
  request: IncomingMessage;
  body: Buffer;
  atMs: number;
  sinceLastMs: number | null;
}

function show({ request, body, atMs, sinceLastMs }: Arrived, { secret, json }: ListenOptions): void {
  const { headers, method, url } = request;
  const id = String(headers['webhook-id'] ?? '');
  const timestamp = Number(headers['webhook-timestamp']);
  const header = String(headers['webhook-signature'] ?? '');
  const verified = secret === undefined ? null : verifies(header, secret, { id, timestamp, body }, atMs);
  const text = body.toString('utf8');
  const payload = parsed(text);
  if (json) {
    printJson(
      { at: toIso(atMs), sinceLastMs, method, url, webhookId: id, verified, payload },
      { line: true },
    );
    return;
  }
  const since = sinceLastMs === null ? '' : `  +${(sinceLastMs / 1000).toFixed(3)}s`;
  print(
    `${styleText('dim', toIso(atMs))}${since}  ${styleText('bold', kindOf(payload))}  ${harmless(id)}  ${verdict(verified)}`,
  );
  print(`  ${harmless(text).slice(0, 500)}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: it is shown as it came.
    return text;
  }
}

function kindOf(payload: unknown): string {
  const kind =
    typeof payload === 'object' && payload !== null && 'type' in payload ? payload.type : undefined;
  return typeof kind === 'string' ? harmless(kind) : 'no webhook of Hooklane';
}

function verdict(verified: boolean | null): string {
  if (verified === null) return styleText('dim', 'signature not checked (no --secret)');
  return verified ? styleText('green', 'signature ok') : styleText('red', 'SIGNATURE WRONG');
}
