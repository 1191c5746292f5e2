// What can be listed and shown, by the name it has in HTTP: the view it comes from, its filters, its shape.

import { ATTEMPT_ERRORS } from '../events.ts';
import type { Prefix } from '../ids.ts';
import type { Document } from '../views/views.ts';
import { AUDIT_FILTERS, auditEntry } from './audit.ts';
import {
  belongedTo,
  belongsTo,
  code,
  equals,
  event,
  type Filter,
  host,
  level,
  oneOf,
  search,
  since,
  until,
} from './filters.ts';
import * as shapes from './shapes.ts';

export interface Resource {
  view: string;
  /** For people: `there is no <noun> "x"`. */
  noun: string;
  prefix: Prefix;
  filters: Record<string, Filter>;
  summary: (document: Document) => shapes.Item;
  /** Things that can be deleted are shown no longer once they, or what they belong to, are. */
  deletable: boolean;
}

const OUTBOUND_STATUSES = ['pending', 'processed', 'omitted', 'error'];
const INBOUND_STATUSES = ['pending', 'processed', 'error'];
const ON_OFF = ['active', 'disabled'];

const org = belongsTo('organization');
const project = belongsTo('project');
/** Of history. */
const ofOrg = belongedTo('organization');
const ofProject = belongedTo('project');
const ofIntegration = belongedTo('integration');

export const RESOURCES = {
  organizations: {
    view: 'organizations',
    noun: 'organization',
    prefix: 'org',
    filters: {},
    summary: shapes.organization,
    deletable: true,
  },
  projects: {
    view: 'projects',
    noun: 'project',
    prefix: 'prj',
    filters: { org },
    summary: shapes.project,
    deletable: true,
  },
  integrations: {
    view: 'integrations',
    noun: 'integration',
    prefix: 'int',
    filters: { org, project, status: oneOf('status', ON_OFF) },
    summary: shapes.integration,
    deletable: true,
  },
  endpoints: {
    view: 'endpoints',
    noun: 'endpoint',
    prefix: 'ep',
    filters: { org, status: oneOf('status', ON_OFF) },
    summary: shapes.endpoint,
    deletable: true,
  },
  'inbound-webhooks': {
    view: 'inboundWebhooks',
    noun: 'inbound webhook',
    prefix: 'in',
    filters: {
      org: ofOrg,
      project: ofProject,
      integration: ofIntegration,
      status: oneOf('status', INBOUND_STATUSES),
      since: since('in'),
      until: until('in'),
    },
    summary: shapes.inboundWebhook,
    deletable: false,
  },
  logs: {
    view: 'logs',
    noun: 'log',
    prefix: 'log',
    filters: {
      org: ofOrg,
      project: ofProject,
      integration: ofIntegration,
      level,
      environment: equals('environment'),
      release: equals('release'),
      fingerprint: equals('fingerprint'),
      search,
      since: since('log'),
      until: until('log'),
    },
    summary: shapes.log,
    deletable: false,
  },
  deliveries: {
    view: 'deliveries',
    noun: 'delivery',
    prefix: 'wh',
    filters: {
      org: ofOrg,
      endpoint: belongedTo('endpoint'),
      status: oneOf('status', OUTBOUND_STATUSES),
      event,
      code,
      error: oneOf('error', ATTEMPT_ERRORS),
      host,
      since: since('wh'),
      until: until('wh'),
    },
    summary: shapes.delivery,
    deletable: false,
  },
  tokens: {
    view: 'tokens',
    noun: 'token',
    prefix: 'tok',
    filters: { org },
    summary: shapes.token,
    deletable: true,
  },
  audit: {
    view: 'audit',
    noun: 'change',
    prefix: 'aud',
    filters: AUDIT_FILTERS,
    summary: auditEntry,
    deletable: false,
  },
} as const satisfies Record<string, Resource>;

export type ResourceName = keyof typeof RESOURCES;
