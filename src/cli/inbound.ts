// hooklane inbound: what integrations have posted, raw, and what became of it.

import type { Command } from 'commander';
import { printDeliveries } from './logs.ts';
import { goOn, printFields } from './output.ts';
import { addList, addShow } from './resource.ts';

export function registerInbound(program: Command): void {
  const inbound = program.command('inbound').description('inbound webhooks: what was posted, raw');
  const columns = ['id', 'resource', 'status', 'error', 'receivedAt', 'logId?', 'integrationId?'];
  addList(inbound, 'inbound-webhooks', columns, 'inbound list --status error');
  addShow(inbound, 'inbound-webhooks', 'inbound show in_…', showInbound);
}

function showInbound({ deliveries, ...facts }: Record<string, unknown>): void {
  printFields(facts);
  printDeliveries(deliveries);
  goOn([facts.logId === null ? '' : `logs show ${facts.logId}`]);
}
