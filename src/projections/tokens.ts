// Tokens for administration. They themselves, and their hashes, are in no view.

import { toIso } from '../time.ts';
import type { Projection } from './projection.ts';

export const tokens: Projection = {
  definition: {
    name: 'tokens',
    version: 1,
    topics: ['organizations'],
    indexes: [['organizationId'], ['name']],
  },
  on: {
    TokenCreated({ tokenId: id, organizationId, name, scopes, atMs, by = null, expiresAtMs }) {
      const expiresAt = expiresAtMs === null ? null : toIso(expiresAtMs);
      const made = { createdAt: toIso(atMs), createdBy: by };
      return [{ id, set: { organizationId, name, scopes, ...made, expiresAt } }];
    },
    TokenRevoked: ({ tokenId: id, atMs }) => [{ id, set: { deletedAt: toIso(atMs) } }],
  },
};
