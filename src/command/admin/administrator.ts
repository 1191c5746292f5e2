// The administrator: decides one thing after the other, so that of two who want the same name at once one gets it,
// and answers when the decision is durable and known to the directory.

import type { Log, Position } from '../../log/log.ts';
import type { SecretBox } from '../../secrets.ts';
import type { Clock } from '../../time.ts';
import type { Directory } from '../directory.ts';
import type { AdminContext, AdminSettings, Decision } from './decision.ts';

export interface Administrator {
  /** Decides, appends the event, and resolves to the answer. Rejects with what `decide` throws, or LogUnavailable. */
  run<Answer>(decide: (context: AdminContext) => Decision<Answer>): Promise<Answer>;
}

export interface AdministratorOptions {
  log: Log;
  directory: Directory;
  secrets: SecretBox;
  clock: Clock;
  settings: AdminSettings;
  /** Resolves when who reads next will see what stands at the position; bounded. */
  caughtUp: (position: Position) => Promise<unknown>;
}

export function createAdministrator(options: AdministratorOptions): Administrator {
  const { log, directory, secrets, clock, settings, caughtUp } = options;
  let last: Promise<unknown> = Promise.resolve();

  async function decideAndAppend<Answer>(
    decide: (context: AdminContext) => Decision<Answer>,
  ): Promise<{ answer: Answer; position: Position | undefined }> {
    const { event, answer } = decide({ state: directory.state, secrets, nowMs: clock(), settings });
    const [position] = await log.append([event]);
    if (position !== undefined) await directory.reached(position);
    return { answer, position };
  }

  return {
    async run(decide) {
      const decision = last.then(() => decideAndAppend(decide));
      // The next one waits for this one's end, not for its success.
      last = decision.catch(() => {});
      const { answer, position } = await decision;
      if (position !== undefined) await caughtUp(position);
      return answer;
    },
  };
}
