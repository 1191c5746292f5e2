// hooklane verify: holds the log to the invariants of the design, and tells what it has checked and found. It changes
// nothing, and runs beside a server or without one.

import type { Command } from 'commander';
import type { OrganizationId } from '../ids.ts';
import { MOST_FINDINGS, type Report } from '../verify/report.ts';
import { type VerifyOptions, verify } from '../verify/verify.ts';
import { CommandFailed } from './failed.ts';
import { wholeNumber } from './options.ts';
import { harmless, note, print, printJson } from './output.ts';
import { clearProgress, progressOf } from './progress.ts';
import { createRemoteApi, type RemoteApi } from './remote-api.ts';
import { type RemoteServer, remoteServer } from './remote-server.ts';
import { stopSignal } from './stopped.ts';
import { withLog, withStores } from './stores.ts';
import { printTable } from './table.ts';

/** Findings that are shown, unless asked for. */
const SHOWN = 20;

interface Options {
  org?: string;
  limit: number;
  json?: true;
}

export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description('check the invariants over the log itself; exit code 1 if one is broken')
    .option('--org <organization>', 'only this organization (id or name)')
    .option(
      '--limit <count>',
      'show so many findings at most; all are counted',
      wholeNumber(1, MOST_FINDINGS),
      SHOWN,
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ hooklane verify --org acme')
    .action(runVerify);
}

async function runVerify({ org, limit, json }: Options): Promise<void> {
  const io = { onProgress: progressOf('verifying'), signal: stopSignal() };
  let report: Report;
  try {
    const server = remoteServer(process.env);
    report =
      server === undefined
        ? await verifyHere(org, { ...io, limit })
        : await verifyThere(server, { ...(org === undefined ? {} : { organization: org }), limit }, io);
  } catch (error) {
    if (!io.signal.aborted) throw error;
    throw new CommandFailed('stopped: nothing can be said of the log', { cause: error });
  } finally {
    clearProgress();
  }
  if (json) printJson(report);
  else printReport(report);
  const count = report.checks.reduce((sum, { findings }) => sum + findings, 0);
  if (count > 0)
    throw new CommandFailed(
      `${count === 1 ? '1 finding' : `${count} findings`}: the log breaks its invariants`,
    );
}

async function verifyHere(org: string | undefined, options: VerifyOptions): Promise<Report> {
  const organizationId = org === undefined ? undefined : await organizationCalled(org);
  return withLog((log) => verify({ log }, { ...options, organizationId }));
}

async function verifyThere(
  server: RemoteServer,
  ...[asked, io]: Parameters<RemoteApi['verify']>
): Promise<Report> {
  const { events, checks, findings, open } = await (await createRemoteApi(server)).verify(asked, io);
  return { events, checks, findings, open };
}

/** Only names take the read models: what is checked is the log, whatever they say. */
function organizationCalled(org: string): Promise<OrganizationId> {
  return withStores(async ({ queries }) => (await queries.resolve('organization', org)) as OrganizationId);
}

function printReport({ events, checks, findings, open }: Report): void {
  if (events === 0) {
    note('There is nothing in the log yet.');
    return;
  }
  printTable(checks, ['name', 'checked', 'findings', 'about?'], '');
  const { toRecord, toDispatch, pending, clocksPutBack } = open;
  const wrong = findings.length > 0 ? 'something is wrong' : 'nothing is wrong';
  print(`\n${events} events: ${wrong}.`);
  print(`Still to be recorded: ${toRecord}, to be dispatched: ${toDispatch}, pending: ${pending}.`);
  if (clocksPutBack > 0) note(`Clocks that were put back: ${clocksPutBack}. Across that, no gap is judged.`);
  if (findings.length > 0) print();
  for (const { check, topic, partition, offset, message } of findings)
    print(`✖ ${check}: ${harmless(message)} (${topic}, partition ${partition}, offset ${offset})`);
}
