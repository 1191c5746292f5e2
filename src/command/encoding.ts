// How a body was packed, and what unpacks it.

import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';

export type Unpacker = Gunzip | Inflate;

const UNPACKERS: ReadonlyMap<string, () => Unpacker> = new Map<string, () => Unpacker>([
  ['gzip', createGunzip],
  ['deflate', createInflate],
]);

/** `identity`: it is not packed. RFC 9110 section 8.4.1: in any case, by its old name. */
export function encodingOf({ headers }: FastifyRequest): string {
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  return encoding === 'x-gzip' ? 'gzip' : encoding;
}

/** What unpacks the body; undefined: it is not packed. Throws Problem 415. */
export function unpackerOf(request: FastifyRequest): Unpacker | undefined {
  const encoding = encodingOf(request);
  if (encoding === 'identity') return undefined;
  const create = UNPACKERS.get(encoding);
  if (create !== undefined) return create();
  const allowed = [...UNPACKERS.keys()].join(', ');
  const detail = `The content-encoding ${JSON.stringify(encoding)} is not one of ${allowed}.`;
  throw new Problem(415, 'unsupported-encoding', detail, { 'accept-encoding': allowed });
}
