// What a log holds already of an organization that is to be imported into it.

import { isRecord, type OrganizationImportStarted, type Topic } from '../events.ts';
import type { Log } from '../log/log.ts';
import { partitionOf } from '../log/partitioner.ts';
import { type Contents, idsOf } from './check.ts';
import { TransferRefused } from './errors.ts';

export type TargetLog = Pick<Log, 'partitions' | 'read' | 'append' | 'served'>;

/** Nothing of it; a part, as the same import was cut off; or all of it. */
export type Found = 'nothing' | 'part' | 'all';

/** Events by which an organization, what belongs to it, and imports are known. */
const NAMING = [
  'OrganizationCreated',
  'ProjectCreated',
  'IntegrationCreated',
  'IntegrationSecretRotated',
  'EndpointCreated',
  'OrganizationImportStarted',
  'OrganizationImportEnded',
] as const;

/** Rejects with TransferRefused where the organization, or an id of it, is in the log by other ways. */
export async function lookFor(contents: Contents, log: TargetLog): Promise<Found> {
  const { organizationId } = contents.header;
  let begun: { importId: string; isOver: boolean } | undefined;
  for await (const { events } of log.read('organizations', { types: NAMING })) {
    for (const { event } of events) {
      if (event.organizationId !== organizationId) {
        const used = idsOf(event).find((id) => contents.taken.has(id));
        if (used !== undefined)
          throw refused(`${used} belongs to ${event.organizationId} here: nothing was imported`);
      } else if (event.type === 'OrganizationImportStarted') {
        begun ??= { importId: event.importId, isOver: false };
      } else if (begun === undefined) {
        throw refused(`${organizationId} is here already: nothing was imported`);
      } else if (event.type === 'OrganizationImportEnded') begun.isOver = true;
    }
  }
  if (begun === undefined) return 'nothing';
  if (begun.importId === contents.importId) return begun.isOver ? 'all' : 'part';
  throw refused(
    begun.isOver
      ? `${organizationId} is here already, imported from another file: nothing was imported`
      : `an import of ${organizationId} was begun with another file: bring that one to its end, or start with an empty log`,
  );
}

function refused(message: string): TransferRefused {
  return new TransferRefused(message, { with: 'log' });
}

/** How many events of the file are in the log, by topic and key. */
export type Present = ReadonlyMap<string, number>;

export function presentKey(topic: Topic, key: string): string {
  return `${topic} ${key}`;
}

/**
 * What an import has written so far. Not counted: what the recorder has made of what it was to record, and in topic
 * outbound what the dispatcher has made of what it was to take in, as far as both come after what the file holds.
 */
export async function presentIn(contents: Contents, log: TargetLog): Promise<Present> {
  const { header, counts, received, unrecorded } = contents;
  const { organizationId } = header;
  const present = new Map<string, number>();
  const count = (topic: Topic, key: string) => {
    const name = presentKey(topic, key);
    present.set(name, (present.get(name) ?? 0) + 1);
  };
  const partition = partitionOf(organizationId, log.partitions);
  const own = { partition, mentions: organizationId };
  for await (const { events } of log.read('organizations', own)) {
    for (const { event } of events) {
      if (event.organizationId !== organizationId || event.type === 'OrganizationImportStarted') continue;
      if (!(isRecord(event) && unrecorded.has(event.inboundId))) count('organizations', organizationId);
    }
  }
  for await (const { events } of log.read('outbound', own)) {
    for (const { event } of events) {
      if (event.organizationId === organizationId) count('outbound', organizationId);
    }
  }
  const outbound = presentKey('outbound', organizationId);
  present.set(outbound, Math.min(counts.outbound, present.get(outbound) ?? 0));
  const partitions = new Set([...received.keys()].map((key) => partitionOf(key, log.partitions)));
  for (const of of partitions) {
    for await (const { events } of log.read('inbound', { partition: of, mentions: organizationId })) {
      for (const { event } of events) {
        if (event.organizationId === organizationId) count('inbound', event.integrationId);
      }
    }
  }
  return present;
}

/** Whether a process has the import to itself. */
export interface Claim {
  /** Rejects with TransferRefused when another process has taken the import over. */
  ensureOurs(): Promise<void>;
}

/** Begins an import, or goes on with it: whoever has done so before is to stop. */
export async function claimImport(mark: OrganizationImportStarted, log: TargetLog): Promise<Claim> {
  const [position] = await log.append([mark]);
  const { partition, offset } = position ?? { partition: 0, offset: 0 };
  let from = offset + 1;
  return {
    async ensureOurs() {
      const options = {
        partition,
        from: { [partition]: from },
        types: ['OrganizationImportStarted'] as const,
      };
      for await (const { events, next } of log.read('organizations', options)) {
        from = next;
        if (events.some(({ event }) => event.organizationId === mark.organizationId))
          throw new TransferRefused(`another process has taken the import of ${mark.organizationId} over`, {
            with: 'log',
          });
      }
    },
  };
}
