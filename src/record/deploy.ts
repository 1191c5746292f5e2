// DeployReceived to DeployRecorded. Pure.

import type { DeployRecorded, InboundEvent } from '../events.ts';
import { siblingId } from '../ids.ts';
import { MAX_NAME_LENGTH, MAX_URL_LENGTH } from './bounds.ts';
import type { Circumstances } from './circumstances.ts';
import { fieldsOf } from './fields.ts';
import { jsonText, parsePayload, Unrecordable } from './json.ts';
import { asName } from './readers.ts';
import { clean } from './text.ts';

/** The deploy that a payload tells of. Throws Unrecordable if it is not a JSON object, or has no version. */
export function recordDeploy(received: InboundEvent, at: Circumstances): DeployRecorded {
  const { id, organizationId, projectId, integrationId, receivedAtMs } = received;
  const fields = fieldsOf(parsePayload(received.body));
  const version = fields.take(['version'], asVersion);
  if (version === undefined) throw new Unrecordable('"version" must be a text that is not blank');
  return {
    type: 'DeployRecorded',
    eventId: siblingId('evt', id),
    inboundId: id,
    organizationId,
    projectId,
    integrationId,
    inboundPartition: at.partition,
    inboundOffset: at.offset,
    atMs: at.nowMs,
    receivedAtMs,
    version,
    environment: fields.take(['environment', 'env'], asName) ?? null,
    url: fields.take(['url'], asWebAddress) ?? null,
    extra: jsonText(fields.rest()),
  };
}

function asVersion(value: unknown): string | undefined {
  return typeof value === 'string' ? clean(value, MAX_NAME_LENGTH) || undefined : undefined;
}

/** Nothing but http and https, as it may be shown as a link. */
function asWebAddress(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_URL_LENGTH) return undefined;
  const url = URL.parse(value);
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url.href : undefined;
}
