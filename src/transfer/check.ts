// A file, checked whole before anything is made of it: that it is an export, of this format, not cut and not changed,
// of one organization, and that every event in it can be read here. It keeps ids in memory: of projects, integrations
// and endpoints, of what is pending and of what is not recorded yet.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type InboundEvent, TOPIC_OF } from '../events.ts';
import type { EndpointId, InboundId, IntegrationId, OrganizationId, ProjectId } from '../ids.ts';
import { isId } from '../ids.ts';
import { isObject } from '../json.ts';
import { secretsOfLane } from '../sealed.ts';
import { TransferRefused } from './errors.ts';
import { type Counts, emptyCounts, eventOf, FORMAT, type Header, type MovedEvent } from './format.ts';
import { linesOf } from './lines.ts';

/** What an import must know of its file. */
export interface Contents {
  header: Header;
  counts: Counts;
  /** The SHA-256 of the lines of events: the same events, the same import, also when they were exported anew. */
  importId: string;
  /** Ids that the organization's things have, and hashes of tokens: they must not be in use. */
  taken: ReadonlySet<ProjectId | IntegrationId | EndpointId | string>;
  /** Integrations, with how many inbound webhooks came from each. */
  received: ReadonlyMap<IntegrationId, number>;
  unrecorded: ReadonlySet<InboundId>;
  /** Sealed secrets that may be opened: of the state, and of what is to be done. */
  secrets: readonly string[];
}

/** In which part of the file an event stands. */
export type Part = 'history' | 'state' | 'unrecorded';

/** Reads the file at `path` to its end, at `nowMs`. Rejects with TransferRefused; `onProgress` is told bytes. */
export async function checkFile(
  path: string,
  nowMs: number,
  onProgress?: (bytes: number) => void,
): Promise<Contents> {
  const hash = createHash('sha256');
  const eventsHash = createHash('sha256');
  const counts = emptyCounts();
  const taken = new Set<string>();
  const received = new Map<IntegrationId, number>();
  const unrecorded = new Set<InboundId>();
  const secrets: string[] = [];
  const parts = createParts();
  let header: Header | undefined;
  let end: Record<string, unknown> | undefined;
  let number = 0;
  let bytes = 0;
  for await (const { line, whole } of linesOf(createReadStream(path))) {
    number++;
    bytes += line.length + 1;
    if (number % PROGRESS_LINES === 0) onProgress?.(bytes);
    if (end !== undefined) throw new TransferRefused(`line ${number}: something stands behind the end`);
    if (!whole && number > 1) throw new TransferRefused(CUT);
    const values = parse(line, number);
    if (header === undefined) {
      header = headerOf(values);
      hash.update(line).update('\n');
      continue;
    }
    if ('end' in values) {
      end = values;
      continue;
    }
    hash.update(line).update('\n');
    eventsHash.update(line).update('\n');
    const event = inLine(number, () => take(values, header as Header));
    if (event.type === 'LogReceived' || event.type === 'DeployReceived') addInbound(event);
    for (const id of idsOf(event)) taken.add(id);
    // Those of the history are not opened any more: they may have been sealed under a key that is gone.
    if (parts.hasState()) secrets.push(...secretsOf(event, nowMs));
  }
  if (header === undefined) throw new TransferRefused('the file is empty: this is no export of Hooklane');
  if (end === undefined || !parts.hasState()) throw new TransferRefused(CUT);
  if (end.sha256 !== hash.digest('hex') || JSON.stringify(end.end) !== JSON.stringify(counts))
    throw new TransferRefused('the file was changed since it was exported: its checksum is another one');
  const importId = eventsHash.digest('hex');
  return { header, counts, importId, taken, received, unrecorded, secrets };

  function take(values: Record<string, unknown>, { organizationId }: Header): MovedEvent {
    const event = eventOf(values);
    if (event.organizationId !== organizationId)
      throw new TransferRefused(`this is of ${event.organizationId}, and the file of ${organizationId}`);
    counts[parts.countOf(event)]++;
    return event;
  }

  function addInbound({ id, integrationId, imported }: InboundEvent): void {
    received.set(integrationId, (received.get(integrationId) ?? 0) + 1);
    if (!imported) unrecorded.add(id);
  }
}

const CUT = 'the file was cut: its last line is missing';
const PROGRESS_LINES = 1_000;

/** The parts of a file, which events reach in this order. */
export interface Parts {
  /** To which part the next event belongs. Throws TransferRefused where it does not belong. */
  partOf(event: MovedEvent): Part;
  countOf(event: MovedEvent): keyof Counts;
  hasState(): boolean;
}

export function createParts(): Parts {
  let part: Part = 'history';

  function partOf(event: MovedEvent): Part {
    if (event.type === 'LaneImported') return next('state', part === 'history');
    const topic = TOPIC_OF[event.type];
    if (event.type === 'LogReceived' || event.type === 'DeployReceived')
      return event.imported ? next('history', part === 'history') : next('unrecorded', part !== 'history');
    if (topic === 'outbound') return next('history', part === 'history');
    if (event.type === 'WebhookImported') return next('state', part === 'state');
    return next(part, part !== 'unrecorded');
  }

  function next(to: Part, isAllowed: boolean): Part {
    if (!isAllowed) throw new TransferRefused('this event does not belong here: the file was put together');
    part = to;
    return to;
  }

  return {
    partOf,
    hasState: () => part !== 'history',
    countOf(event) {
      const of = partOf(event);
      if (of === 'unrecorded') return 'unrecorded';
      if (event.type === 'WebhookImported') return 'pending';
      const topic = TOPIC_OF[event.type];
      if (of === 'state' && event.type !== 'LaneImported') return 'waiting';
      return topic === 'inbound' || topic === 'outbound' ? topic : 'organizations';
    },
  };
}

function parse(line: Buffer, number: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    if (isObject(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new TransferRefused(
    number === 1
      ? 'this is no export of Hooklane'
      : `line ${number}: not a JSON object; the file was changed`,
  );
}

function headerOf(values: Record<string, unknown>): Header {
  const { hooklane, format, organizationId, masterKey } = values;
  const isHeader =
    hooklane === 'export' && isId('org', String(organizationId)) && typeof masterKey === 'string';
  if (!isHeader) throw new TransferRefused('this is no export of Hooklane: its first line says so of one');
  if (format !== FORMAT) {
    throw new TransferRefused(
      `the file has format ${format}, and this release reads ${FORMAT}: import it with ${values.version}`,
    );
  }
  return {
    hooklane,
    format: FORMAT,
    version: String(values.version),
    organizationId: String(organizationId) as OrganizationId,
    organization: String(values.organization),
    exportedAt: String(values.exportedAt),
    masterKey,
    serving: values.serving === true,
  };
}

function inLine<T>(number: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TransferRefused)) throw error;
    throw new TransferRefused(`line ${number}: ${error.message}`, { cause: error });
  }
}

/** What it names for the first time. */
export function idsOf(event: MovedEvent): string[] {
  switch (event.type) {
    case 'ProjectCreated':
      return [event.projectId];
    case 'IntegrationCreated':
      return [event.integrationId, event.tokenHash];
    case 'IntegrationSecretRotated':
      return [event.tokenHash];
    case 'EndpointCreated':
      return [event.endpointId];
    default:
      return [];
  }
}

function secretsOf(event: MovedEvent, nowMs: number): string[] {
  switch (event.type) {
    case 'OrganizationCreated':
    case 'OrganizationSecretRotated':
    case 'EndpointCreated':
    case 'EndpointSecretRotated':
      return [event.secret];
    case 'LaneImported':
      return [...secretsOfLane(event, nowMs)];
    default:
      return [];
  }
}
