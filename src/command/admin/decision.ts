// What administration decides by, and what it decides: one event, and the answer to who asked. The same functions
// serve HTTP and CLI; they read nothing but what they are given.

import type { OrganizationEvent } from '../../events.ts';
import { NotFound } from '../../query/errors.ts';
import type { SecretBox } from '../../secrets.ts';
import type { DirectoryState } from '../directory-state.ts';

export interface AdminContext {
  state: Readonly<DirectoryState>;
  secrets: SecretBox;
  nowMs: number;
  settings: AdminSettings;
}

export interface AdminSettings {
  production: boolean;
  /** Whether production may send to http:// as well. */
  allowHttp: boolean;
  /** Of integrations that are made without limits of their own; null is none. */
  burst: string | null;
  sustained: string | null;
}

export interface Decision<Answer = undefined> {
  event: OrganizationEvent;
  /** Appended with it, in one step. */
  also?: readonly OrganizationEvent[];
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

/** The thing with this id. Throws NotFound. */
export function existing<Id extends string, Thing>(
  things: ReadonlyMap<Id, Thing>,
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
