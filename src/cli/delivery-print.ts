// A delivery for people: what it is, its timeline, its payload, and where to go on.

import { styleText } from 'node:util';
import { goOn, harmless, print, printFields, type Row } from './output.ts';
import { printTable } from './table.ts';

export function showDelivery({ payload, attempts: _, timeline, ...facts }: Record<string, unknown>): void {
  printFields(facts);
  print(`\n${styleText('bold', 'timeline')}`);
  const entries = (Array.isArray(timeline) ? timeline : []).map(timelineRow);
  printTable(entries, ['at', 'what', 'ms', 'code', 'detail', 'next?', 'responseBody?'], 'none');
  print(`\n${styleText('bold', 'payload')}\n${harmless(JSON.stringify(payload, null, 2))}`);
  goOn([
    facts.logId === null ? '' : `logs show ${facts.logId}`,
    facts.inboundWebhookId === null ? '' : `inbound show ${facts.inboundWebhookId}`,
    facts.status === 'error' || facts.status === 'omitted' ? `deliveries retry ${facts.id}` : '',
  ]);
}

/** An entry of the timeline as a row for people. */
function timelineRow(entry: Record<string, unknown>): Row {
  const { at, type, number, durationMs, responseCode, error, detail, responseBody, reason, by } = entry;
  const what = {
    attempt: `attempt ${number}`,
    retried: `retried by ${by ?? 'an operator'}`,
    omitted: `omitted: ${reason}`,
  }[String(type)];
  const inFlight = type === 'attempt' && durationMs === null ? 'in flight' : undefined;
  return {
    at,
    what: what ?? type,
    ms: durationMs,
    code: responseCode,
    detail: [error, detail ?? inFlight ?? (type === 'error' ? reason : undefined)]
      .filter((part) => part !== null && part !== undefined)
      .join(': '),
    next: entry.nextAttemptAt ?? entry.dueAt ?? entry.freeAt,
    responseBody,
  };
}
