// Deploys: a version, and where it went.

import type { InboundResource } from './resource.ts';

export const deploys: InboundResource = {
  path: 'deploys',
  event: 'DeployReceived',
  schema: {
    type: 'object',
    required: ['version'],
    properties: {
      version: { type: 'string', maxLength: 256, format: 'version' },
      environment: { type: ['string', 'null'], maxLength: 256 },
      url: { type: ['string', 'null'], maxLength: 2_048 },
    },
  },
};
