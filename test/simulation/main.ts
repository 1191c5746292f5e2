// npm run simulate -- --seed N --hours H: one simulation, from one seed. Ends with 1 if the auditor finds anything.

import { parseArgs } from 'node:util';
import { BREAKS, type Break } from './breaks.ts';
import { simulate } from './simulation.ts';

const USAGE = `Usage: npm run simulate -- [--seed N] [--hours H] [--organizations N] [--break WHAT]

  --seed           what decides everything; the same seed replays exactly (default: any)
  --hours          simulated hours in which things happen (default: 100)
  --organizations  (default: 1000)
  --break          break Hooklane on purpose, to see it found: ${Object.keys(BREAKS).join(', ')}

Example: npm run simulate -- --seed 7 --hours 24
`;

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text) || (Number(text) === 0 && name !== 'seed')) {
    process.stderr.write(`--${name} ${text} is not a whole number\n\n${USAGE}`);
    process.exit(2);
  }
  return Number(text);
}

function isBreak(text: string): text is Break {
  return Object.hasOwn(BREAKS, text);
}

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { seed: text, hours: text, organizations: text, break: text, help: { type: 'boolean' } },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const seed = wholeNumber('seed', values.seed, Date.now() % 1_000_000);
const hours = wholeNumber('hours', values.hours, 100);
const organizations = wholeNumber('organizations', values.organizations, 1_000);
const broken = values.break;
if (broken !== undefined && !isBreak(broken)) {
  process.stderr.write(`--break ${broken} is not known\n\n${USAGE}`);
  process.exit(2);
}
const startedMs = performance.now();
const report = await simulate({ seed, hours, organizations, ...(broken && { broken }) });
const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
const { findings, verified, digest, faults, ...counts } = report;
for (const { invariant, what } of findings.slice(0, 50))
  process.stdout.write(`✖ invariant ${invariant}: ${what}\n`);
for (const { check, message } of verified) process.stdout.write(`✖ hooklane verify, ${check}: ${message}\n`);
process.stdout.write(
  `${findings.length === 0 ? '✔' : '✖'} seed ${seed}: ${hours} hours of ${organizations} organizations in ${seconds} s, ` +
    `${findings.length} findings\n  ${JSON.stringify({ ...counts, ...faults })}\n  ${digest}\n`,
);
process.exitCode = findings.length === 0 ? 0 : 1;
