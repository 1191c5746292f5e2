// An import: the log of one organization, out of a file into a log. It begins with a mark and ends with one; between
// them nothing of it is sent, and nobody may post to it (see dispatch/import.ts, command/directory-state.ts). Cut off
// at any moment, the same import goes on where it stopped: events of one key come in the order of the file, so it is
// enough to count what is there. What is there is counted once more before the end.

import { createReadStream } from 'node:fs';
import { keyOf, TOPIC_OF } from '../events.ts';
import { type SecretBox, SecretUnreadable, sealedUnder } from '../secrets.ts';
import { type Contents, checkFile, createParts, type Part } from './check.ts';
import { TransferRefused } from './errors.ts';
import { type Counts, type Header, type MovedEvent, rawEventOf } from './format.ts';
import { linesOf } from './lines.ts';
import { claimImport, lookFor, type Present, presentIn, presentKey, type TargetLog } from './target.ts';

export interface ImportOptions {
  log: TargetLog;
  /** A file that stays as it is meanwhile: it is read twice. */
  path: string;
  secrets: Pick<SecretBox, 'open' | 'keyIds'>;
  nowMs: number;
  /** Tells this process from others. */
  runId: string;
  /** Who imports (see events.ts). */
  by: string;
  /** Called now and then: bytes of the file, first as it is checked, then as it is imported. */
  onProgress?: (step: 'checking' | 'importing', bytes: number) => void;
}

export interface Imported extends Counts {
  organizationId: string;
  organization: string;
  exportedAt: string;
  importId: string;
  /** Whether it goes on with an import that was cut off. */
  resumed: boolean;
  /** Whether there was nothing left to do. */
  wasThere: boolean;
  /** Whether more may have come where it comes from, after it was exported. */
  serving: boolean;
}

/** Events, and bytes of their lines, that are appended at a time. */
const MAX_BATCH_EVENTS = 1_000;
const MAX_BATCH_BYTES = 2 * 1024 * 1024;

/** Rejects with TransferRefused before anything is written, or with LogUnavailable: then it is to be made again. */
export async function importOrganization(options: ImportOptions): Promise<Imported> {
  const { log, path, secrets, nowMs, runId, by, onProgress } = options;
  const contents = await checkFile(path, nowMs, (bytes) => onProgress?.('checking', bytes));
  const { header, counts, importId } = contents;
  ensureReadable(contents, secrets);
  const found = await lookFor(contents, log);
  const { organizationId, organization, exportedAt, serving } = header;
  const about = { organizationId, organization, exportedAt, serving, importId, ...counts };
  if (found === 'all') return { ...about, resumed: false, wasThere: true };
  const ids = { organizationId, atMs: nowMs, importId, by };
  const claim = await claimImport({ type: 'OrganizationImportStarted', ...ids, runId }, log);
  const present: Present = found === 'part' ? await presentIn(contents, log) : new Map();
  for await (const batch of batchesOf(path, header, present)) {
    await claim.ensureOurs();
    await log.append(batch.events);
    onProgress?.('importing', batch.bytes);
  }
  await ensureWhole(contents, log);
  await claim.ensureOurs();
  await log.append([{ type: 'OrganizationImportEnded', ...ids }]);
  return { ...about, resumed: found === 'part', wasThere: false };
}

/** Whether the secrets can be opened with the master keys that we have. */
function ensureReadable({ secrets: sealed }: Contents, secrets: ImportOptions['secrets']): void {
  try {
    for (const secret of new Set(sealed)) {
      const keyId = sealedUnder(secret);
      if (!secrets.keyIds.includes(keyId)) {
        throw new TransferRefused(
          `the secrets in the file were sealed under another master key (${keyId}, not ${secrets.keyIds.join(' or ')}): ` +
            'put the file master-key of where it comes from into the data directory, or set HOOKLANE_MASTER_KEY',
        );
      }
      secrets.open(secret);
    }
  } catch (error) {
    if (!(error instanceof SecretUnreadable)) throw error;
    throw new TransferRefused(error.message, { cause: error });
  }
}

interface EventBatch {
  events: MovedEvent[];
  /** Of the file, read so far. */
  bytes: number;
}

/** What is not there yet, in portions that do not reach from one part of the file into the next. */
async function* batchesOf(path: string, header: Header, present: Present): AsyncGenerator<EventBatch> {
  const left = new Map(present);
  const parts = createParts();
  let part: Part = 'history';
  let events: MovedEvent[] = [];
  let bytes = 0;
  let batchBytes = 0;
  for await (const { line } of linesOf(createReadStream(path))) {
    bytes += line.length + 1;
    const values = JSON.parse(line.toString('utf8'));
    if (values.hooklane === 'export' || 'end' in values) continue;
    const event = rawEventOf(values);
    const next = parts.partOf(event);
    const isFull = events.length === MAX_BATCH_EVENTS || batchBytes + line.length > MAX_BATCH_BYTES;
    if ((isFull || next !== part) && events.length > 0) {
      yield { events, bytes };
      events = [];
      batchBytes = 0;
    }
    part = next;
    const key = presentKey(TOPIC_OF[event.type], keyOf(event));
    const there = left.get(key) ?? 0;
    if (there > 0) {
      left.set(key, there - 1);
      continue;
    }
    events.push(event);
    batchBytes += line.length;
  }
  if (events.length > 0) yield { events, bytes };
  if ([...left.values()].some((more) => more > 0)) throw tooMuch(header);
}

/** Whether all of the file is in the log, once. */
async function ensureWhole(contents: Contents, log: TargetLog): Promise<void> {
  const { header, counts, received } = contents;
  const present = await presentIn(contents, log);
  const isThere = (topic: 'organizations' | 'outbound' | 'inbound', key: string, count: number) =>
    (present.get(presentKey(topic, key)) ?? 0) === count;
  const { organizationId } = header;
  const own = counts.organizations + counts.pending + counts.waiting;
  const isWhole =
    isThere('organizations', organizationId, own) &&
    isThere('outbound', organizationId, counts.outbound) &&
    [...received].every(([integrationId, count]) => isThere('inbound', integrationId, count));
  if (!isWhole) throw tooMuch(header);
}

function tooMuch({ organizationId }: Header): TransferRefused {
  return new TransferRefused(
    `the log does not hold of ${organizationId} what the file does, and nothing else: something else writes to it. ` +
      'Nothing was sent; start again with an empty log',
    { with: 'log' },
  );
}
