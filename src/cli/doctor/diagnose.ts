// All that the doctor looks at, in an order in which each finding explains those behind it. What cannot be looked at, as
// something before it is wrong, is left out; all else is looked at nevertheless. Changes nothing.

import { examineCertificate } from './certificate.ts';
import { type Check, checksOf } from './check.ts';
import { type Env, judgeConfiguration } from './configuration.ts';
import { examineDirectory, nearestAbove } from './directory.ts';
import { examineLimits } from './limits.ts';
import { judgeMachine, lookAtMachine } from './machine.ts';
import { examineServer } from './server.ts';
import { examineLog, examineViews } from './stores.ts';

export interface Diagnosis {
  /** Whether there is no problem. */
  healthy: boolean;
  checks: Check[];
}

/** Looks at everything that `env` configures. */
export async function diagnose(
  env: Env,
  { cwd, nowMs }: { cwd: string; nowMs: () => number },
): Promise<Diagnosis> {
  const { config, wrong, unknown, checks: configuration } = judgeConfiguration(env, cwd);
  const machine = judgeMachine(lookAtMachine(nearestAbove(config.dataDirectory), nowMs()));
  const { masterKeys, checks: directory } = examineDirectory(config, wrong);
  const log = unknown.log
    ? { checks: [unlooked('log')], isThere: undefined, served: undefined }
    : await examineLog(config, { masterKeys, nowMs: nowMs() });
  const views = unknown.views
    ? [unlooked('read models')]
    : await examineViews(config, { log: log.isThere, nowMs: nowMs() });
  const limits = wrong.has('HOOKLANE_REDIS') ? [] : [await examineLimits(config)];
  const certificate = examineCertificate(config, nowMs());
  const server = await examineServer(config, { env, served: log.served, nowMs: nowMs() });
  const checks = [
    ...configuration,
    ...machine,
    ...directory,
    ...log.checks,
    ...views,
    ...limits,
    ...certificate,
    ...server,
  ];
  return { healthy: checks.every(({ state }) => state !== 'problem'), checks };
}

function unlooked(area: 'log' | 'read models'): Check {
  const detail = 'not looked at, as the configuration does not say rightly where it is';
  return checksOf(area).warning(area === 'log' ? 'log' : 'store', detail, 'mend the configuration first');
}
