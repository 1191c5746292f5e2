// What administration decides by, and what it decides: an event, and the answer to who asked. The same functions
// serve HTTP and CLI; they read nothing but what they are given.

import type { Destinations } from '../../destinations.ts';
import type { AdminEvent } from '../../events.ts';
import { NotFound } from '../../query/errors.ts';
import type { SecretBox } from '../../secrets.ts';
import type { Access, Known, Things } from '../access.ts';
import type { Scrubber } from '../scrub.ts';

export interface AdminContext {
  /** As far as he sees it who asks. */
  state: Known;
  access: Access;
  secrets: SecretBox;
  nowMs: number;
  settings: AdminSettings;
}

export interface AdminSettings {
  /** Where webhooks may be sent. */
  destinations: Pick<Destinations, 'refusalOfUrl'>;
  /** Of integrations that are made without limits of their own; null is none. */
  burst: string | null;
  sustained: string | null;
  /** Takes secrets out of what is published. */
  scrubber: Pick<Scrubber, 'json'>;
}

export interface Decision<Answer = undefined> {
  /** Undefined: it is so already, and nothing changes. */
  event: AdminEvent | undefined;
  /** Appended with it, in one step. */
  also?: readonly AdminEvent[];
  answer: Answer;
}

/** Somebody else has the name already. */
export class NameTaken extends Error {
  readonly code = 'NAME_TAKEN';
  constructor(what: string, name: string) {
    super(`there is already ${what} called ${JSON.stringify(name)}`);
    this.name = 'NameTaken';
  }
}

/** Nothing is sent to a disabled endpoint. */
export class EndpointIsDisabled extends Error {
  readonly code = 'ENDPOINT_DISABLED';
  constructor(id: string) {
    super(`${id} is disabled; enable it first`);
    this.name = 'EndpointIsDisabled';
  }
}

/** The thing with this id. Throws NotFound. */
export function existing<Id extends string, Thing>(
  things: Pick<Things<Id, Thing>, 'get'>,
  what: string,
  id: string,
): Thing {
  const thing = things.get(id as Id);
  if (thing === undefined) throw new NotFound(what, id);
  return thing;
}

/** Throws NameTaken if another one of `siblings` has the name. */
export function ensureFree(
  siblings: Iterable<{ id: string; name: string }>,
  what: string,
  name: string,
  except?: string,
): void {
  for (const sibling of siblings) {
    if (sibling.name === name && sibling.id !== except) throw new NameTaken(what, name);
  }
}
