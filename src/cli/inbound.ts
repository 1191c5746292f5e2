// hooklane inbound: what integrations have posted, raw, and what became of it.

import type { Command } from 'commander';
import { addList, addShow } from './resource.ts';

export function registerInbound(program: Command): void {
  const inbound = program.command('inbound').description('inbound webhooks: what was posted, raw');
  const columns = ['id', 'resource', 'status', 'error', 'receivedAt', 'logId?', 'integrationId?'];
  addList(inbound, 'inbound-webhooks', columns, 'inbound list --status error');
  addShow(inbound, 'inbound-webhooks', 'inbound show in_…');
}
