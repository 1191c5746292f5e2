// Triggers that do not come from an integration: published by an operator or another system.

import { UNKEYED } from '../../events.ts';
import { newId } from '../../ids.ts';
import { isDeeperThan, wellFormedJson } from '../../json.ts';
import { InvalidInput, inputParser } from '../input.ts';
import type { Stamp } from '../once.ts';
import { type AdminContext, type Decision, existing } from './decision.ts';

/** Bytes of JSON that the data of an event may have. */
const MAX_DATA_BYTES = 64 * 1024;
/** Levels of objects and arrays in it: what is deeper overflows the stack of who writes it as JSON. */
const MAX_DATA_LEVELS = 128;

const parse = inputParser<{ kind: string; data: unknown }>({
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'data'],
  properties: { kind: { type: 'string', format: 'kind' }, data: {} },
});

/** What is to be published: its kind, and its data as JSON. Throws InvalidInput. */
export function parsePublished(input: unknown): { kind: string; data: string } {
  const { kind, data: value } = parse(input);
  if (isDeeperThan(value, MAX_DATA_LEVELS)) {
    throw new InvalidInput([{ field: 'data', message: `allowed: up to ${MAX_DATA_LEVELS} levels` }]);
  }
  const given = wellFormedJson(value);
  if (Buffer.byteLength(given) > MAX_DATA_BYTES) {
    throw new InvalidInput([{ field: 'data', message: `allowed: up to ${MAX_DATA_BYTES} bytes of JSON` }]);
  }
  return { kind, data: given };
}

/** `stamp` is asked last: from then on it counts as published. */
export function publishEvent(
  { state, nowMs, settings }: AdminContext,
  organization: string,
  input: unknown,
  stamp: () => Stamp<'evt'> = () => ({ id: newId('evt', nowMs), ...UNKEYED }),
) {
  const { id: organizationId } = existing(state.organizations, 'organization', organization);
  const { kind, data: given } = parsePublished(input);
  const data = settings.scrubber.json(given);
  const { id: eventId, ...keyed } = stamp();
  return {
    event: { type: 'EventPublished', eventId, organizationId, atMs: nowMs, kind, data, ...keyed },
    answer: { id: eventId },
  } satisfies Decision<object>;
}
