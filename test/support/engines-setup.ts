// The global setup of `npm test`: gives the whole run its engines, once, and takes them away again. For each engine
// the first of these that can be had: one named in the environment; a container, when a Docker engine answers; one
// started from what `npm run engines` has provided. Else its tests are skipped and say so; with
// HOOKLANE_TEST_REQUIRE_ENGINES=1, as in CI, the run fails instead.
//
// Test files find the engines in the environment, which they inherit (test/support/engines.ts).

import { newBroker } from './broker.ts';
import type { Running } from './containers.ts';
import { nowhere, REQUIRE } from './engines.ts';
import { newMongod } from './mongod.ts';
import { commandOf, ENGINES, type Engine, VARIABLES } from './provisioned.ts';
import { newRedis } from './redis.ts';

/** Where an engine may come from, in the order in which they are tried. */
export type Source = 'environment' | 'container' | 'provisioned';

/** The sources that are worth a try. Pure. */
export function sourcesOf(facts: { named: boolean; docker: boolean; provisioned: boolean }): Source[] {
  if (facts.named) return ['environment'];
  return [
    ...(facts.docker ? (['container'] as const) : []),
    ...(facts.provisioned ? (['provisioned'] as const) : []),
  ];
}

const startProvisioned = {
  kafka: newBroker,
  mongodb: () => newMongod({ durable: false }),
  redis: newRedis,
} as const satisfies Record<Engine, () => Promise<Running>>;

const running: Running[] = [];

/** Called by node:test before the first file; throws when an engine that CI requires cannot be had. */
export async function globalSetup(): Promise<void> {
  const wanted = ENGINES.filter((engine) => !process.env[VARIABLES[engine]]);
  if (wanted.length === 0) return;
  const containers = await import('./containers.ts');
  const docker = await containers.findDocker();
  const sources = (engine: Engine) =>
    sourcesOf({ named: false, docker: docker !== undefined, provisioned: commandOf(engine) !== undefined });

  async function provide(engine: Engine): Promise<void> {
    for (const source of sources(engine)) {
      try {
        const found =
          source === 'container' && docker
            ? await containers.startContainer(docker, engine)
            : await startProvisioned[engine]();
        running.push(found);
        process.env[VARIABLES[engine]] = found.url;
        return;
      } catch (error) {
        tell(`${engine}: ${source} cannot be had: ${firstLine(error)}`);
      }
    }
    tell(nowhere(engine));
  }

  await Promise.all(wanted.map(provide));
  const lacking = wanted.filter((engine) => !process.env[VARIABLES[engine]]);
  if (lacking.length === 0 || !process.env[REQUIRE]) return;
  await globalTeardown();
  throw new Error(`${REQUIRE} is set, and there is ${lacking.map(nowhere).join('; ')}`);
}

/** Called by node:test after the last file, also after a failure, SIGINT and SIGTERM. */
export async function globalTeardown(): Promise<void> {
  await Promise.all(running.splice(0).map((engine) => engine.close()));
}

function tell(line: string): void {
  process.stderr.write(`engines: ${line}\n`);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
