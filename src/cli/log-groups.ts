// hooklane logs groups: the distinct errors, with how often, when first and when last.

import type { Command } from 'commander';
import { GROUP_FILTERS, group } from '../query/groups.ts';
import { addFilters, addPages } from './resource.ts';

const COLUMNS = ['fingerprint', 'count', 'level', 'message', 'lastSeenAt', 'firstSeenAt?', 'type?'];

export function addGroups(logs: Command): void {
  const groups = logs
    .command('groups')
    .description('list distinct errors: logs of one fingerprint, the last seen first');
  addFilters(groups, Object.keys(GROUP_FILTERS)).option(
    '--sort <order>',
    'last, first (seen) or count (default: last)',
  );
  addPages(groups, {
    ask: (api, filters) => api.groups(filters),
    columns: COLUMNS,
    fields: Object.keys(group({ id: '' })),
    empty: 'No groups of logs here.',
    example: 'logs groups --project shop --sort count',
  });
}
