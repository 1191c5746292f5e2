// Every projection there is: what the projector keeps up and a replay rebuilds.

import { audit } from './audit.ts';
import { deliveries } from './deliveries.ts';
import { endpoints } from './endpoints.ts';
import { idempotencyKeys } from './idempotency-keys.ts';
import { inboundWebhooks } from './inbound-webhooks.ts';
import { integrations } from './integrations.ts';
import { logGroups } from './log-groups.ts';
import { logs } from './logs.ts';
import { organizations } from './organizations.ts';
import type { Projection } from './projection.ts';
import { projects } from './projects.ts';
import { tokens } from './tokens.ts';
import { triggers } from './triggers.ts';

export const projections: readonly Projection[] = [
  organizations,
  projects,
  integrations,
  endpoints,
  inboundWebhooks,
  logs,
  logGroups,
  triggers,
  deliveries,
  idempotencyKeys,
  tokens,
  audit,
];

/** Those of the views that are named; all where none is. */
export function projectionsOf(views: readonly string[]): Projection[] {
  return projections.filter(({ definition }) => views.length === 0 || views.includes(definition.name));
}
