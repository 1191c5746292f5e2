// hooklane audit: who has changed what, newest first.

import type { Command } from 'commander';
import { AUDIT_FILTERS, auditEntry } from '../query/audit.ts';
import type { Item } from '../query/shapes.ts';
import { addFilters, addPages } from './resource.ts';

export function registerAudit(program: Command): void {
  const audit = program.command('audit').description('who has changed what, newest first');
  addPages(addFilters(audit, Object.keys(AUDIT_FILTERS)), {
    ask: (api, filters) => api.audit(filters),
    columns: ['at', 'by', 'what', 'object', 'organization?', 'objectId?'],
    fields: Object.keys(auditEntry({ id: '' })),
    row: rowOf,
    empty: 'Nothing was changed.',
    example: 'audit --org acme --since 7d',
  });
}

/** An entry for people: names, where there are some. */
function rowOf({
  by,
  byName,
  objectId,
  objectName,
  organizationId,
  organizationName,
  ...item
}: Item): object {
  return {
    ...item,
    objectId,
    by: byName ?? by ?? 'not recorded',
    object: objectName ?? objectId,
    organization: organizationName ?? organizationId,
  };
}
