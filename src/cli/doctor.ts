// hooklane doctor: what is wrong with this configuration, this machine and what it reaches, and how to mend it.

import { styleText } from 'node:util';
import type { Command } from 'commander';
import { AREAS, type Check } from './doctor/check.ts';
import { diagnose } from './doctor/diagnose.ts';
import { CommandFailed } from './failed.ts';
import { harmless, print, printJson } from './output.ts';

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check configuration, rights, stores, clock and server, and say how to mend what is wrong')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nIt changes nothing. Exit code 1 if there is a problem.\n\nExample:\n  $ HOOKLANE_DATA=/var/lib/hooklane hooklane doctor',
    )
    .action(doctor);
}

/** Throws CommandFailed when there is a problem. */
async function doctor({ json }: { json?: true }): Promise<void> {
  const diagnosis = await diagnose(process.env, { cwd: process.cwd(), nowMs: Date.now });
  if (json) printJson(diagnosis);
  else printChecks(diagnosis.checks);
  const problems = diagnosis.checks.filter(({ state }) => state === 'problem').length;
  if (problems > 0)
    throw new CommandFailed(problems === 1 ? 'there is 1 problem' : `there are ${problems} problems`);
}

const COLOURS = { ok: 'green', warning: 'yellow', problem: 'red' } as const;
const STATE_WIDTH = Math.max(...Object.keys(COLOURS).map((state) => state.length));

function printChecks(checks: readonly Check[]): void {
  for (const area of AREAS) {
    const own = checks.filter((check) => check.area === area);
    if (own.length === 0) continue;
    print(`${area === AREAS[0] ? '' : '\n'}${styleText('bold', area)}`);
    for (const { name, state, detail, mend } of own) {
      print(`  ${styleText(COLOURS[state], state.padEnd(STATE_WIDTH))}  ${name}: ${harmless(detail)}`);
      if (mend !== null) print(`  ${' '.repeat(STATE_WIDTH)}  → ${harmless(mend)}`);
    }
  }
}
