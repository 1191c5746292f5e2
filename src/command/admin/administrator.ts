// The administrator: decides one thing after the other, so that of two who want the same name at once one gets it,
// and answers when the decision is durable and known to the directory. Who asks is named in what is decided, and what he
// must not see is not there for the decision: here, for all of them.

import type { AdminEvent } from '../../events.ts';
import type { Log, Position } from '../../log/log.ts';
import type { SecretBox } from '../../secrets.ts';
import type { Clock } from '../../time.ts';
import { ViewsUnavailable } from '../../views/views.ts';
import { type Access, knownTo } from '../access.ts';
import type { Directory } from '../directory.ts';
import { createPlaces } from '../places.ts';
import type { AdminContext, AdminSettings, Decision } from './decision.ts';

export interface Administration {
  /** The administrator, for who asks. */
  for(access: Access): Administrator;
}

export interface Administrator {
  /** Decides, appends the events, and resolves to the answer. Rejects with what `decide` throws, TooBusy, or LogUnavailable. */
  run<Answer>(decide: (context: AdminContext) => Decision<Answer>): Promise<Answer>;
}

/** Decisions that may wait for the ones before them. */
const MAX_WAITING = 1_000;

export interface AdministratorOptions {
  log: Log;
  directory: Directory;
  secrets: SecretBox;
  clock: Clock;
  settings: AdminSettings;
  /** Resolves when who reads next will see what stands at the position; bounded. */
  caughtUp: (position: Position) => Promise<unknown>;
}

export function createAdministration(options: AdministratorOptions): Administration {
  const { log, directory, secrets, clock, settings, caughtUp } = options;
  let last: Promise<unknown> = Promise.resolve();
  const takePlace = createPlaces({ most: MAX_WAITING, what: 'changes that wait', retryAfterSeconds: 1 });

  async function decideAndAppend<Answer>(
    access: Access,
    decide: (context: AdminContext) => Decision<Answer>,
  ): Promise<{ answer: Answer; position: Position | undefined }> {
    // Another process may have written a moment ago: what it made is there, the names it took are taken.
    await directory.refresh();
    const {
      event,
      also = [],
      answer,
    } = decide({
      state: knownTo(access.organizationId, directory.state),
      ...{ access, secrets, nowMs: clock(), settings },
    });
    const decided = event === undefined ? also : [event, ...also];
    const events = decided.map((one): AdminEvent => ({ ...one, by: access.by }));
    if (events.length === 0) return { answer, position: undefined };
    const position = (await log.append(events)).at(-1);
    if (position !== undefined) await directory.reached(position);
    return { answer, position };
  }

  return {
    for: (access) => ({
      async run(decide) {
        const giveBack = takePlace(access);
        const decision = last.then(() => decideAndAppend(access, decide));
        // The next one waits for this one's end, not for its success.
        last = decision.then(giveBack, giveBack);
        const { answer, position } = await decision;
        if (position !== undefined) await caughtUp(position).catch(ifAway);
        return answer;
      },
    }),
  };
}

/** The decision is durable whatever the read models are up to; its answer may hold a secret that is told once. */
function ifAway(error: unknown): void {
  if (!(error instanceof ViewsUnavailable)) throw error;
}
