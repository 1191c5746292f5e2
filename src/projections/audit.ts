// The audit: every change of configuration, and what was taken out of the log, with who did it. One document an event, so an
// entry is never changed. No secret and no hash of one is in it.
//
// It is no history that retention or pruning takes away: what it is made of stays in the log for ever. What is done with
// single webhooks (published, tested, tried again) is history, and goes with them; their events say who did it.

import type { AdminEvent, EventType } from '../events.ts';
import { placedId } from '../ids.ts';
import type { Position } from '../log/log.ts';
import { toIso } from '../time.ts';
import type { Change, Projection } from './projection.ts';

type OfWebhooks = 'EventPublished' | 'EndpointTestRequested' | 'WebhookRetryRequested';
/** A change of configuration. */
type Audited = Exclude<AdminEvent, { type: OfWebhooks }>;

export const audit: Projection = {
  definition: {
    name: 'audit',
    version: 1,
    topics: ['organizations'],
    indexes: [['organizationId'], ['by']],
  },
  on: {
    OrganizationCreated: entry,
    OrganizationChanged: entry,
    OrganizationSecretRotated: entry,
    OrganizationDeleted: entry,
    SecretsResealed: entry,
    OrganizationImportStarted: entry,
    OrganizationImportEnded: entry,
    ProjectCreated: entry,
    ProjectChanged: entry,
    ProjectDeleted: entry,
    IntegrationCreated: entry,
    IntegrationChanged: entry,
    IntegrationSecretRotated: entry,
    IntegrationDeleted: entry,
    EndpointCreated: entry,
    EndpointChanged: entry,
    EndpointSecretRotated: entry,
    EndpointDeleted: entry,
    TokenCreated: entry,
    TokenRevoked: entry,
    HistoryPruned: entry,
  } satisfies Record<Audited['type'], (event: Audited, cause: Position) => Change[]>,
};

function entry(event: Audited, cause: Position): Change[] {
  const { organizationId, atMs, by = null } = event;
  const words = wordsOf(event.type);
  const what = event.type === 'HistoryPruned' ? `${words} before ${toIso(event.beforeMs)}` : words;
  const set = { at: toIso(atMs), by, what, objectId: objectOf(event), organizationId };
  return [{ id: placedId('aud', atMs, cause), set }];
}

/** `EndpointSecretRotated`: `endpoint secret rotated`. */
function wordsOf(type: EventType): string {
  return type.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

/** The id of what was changed; null: it is no single thing. */
function objectOf(event: Audited): string | null {
  if ('tokenId' in event) return event.tokenId;
  if ('endpointId' in event) return event.endpointId;
  if ('integrationId' in event) return event.integrationId;
  if ('projectId' in event) return event.projectId;
  return event.organizationId;
}
