// Projects of organizations: their names, and when they were made and deleted.

import { toIso } from '../time.ts';
import type { Projection } from './projection.ts';

export const projects: Projection = {
  definition: {
    name: 'projects',
    version: 1,
    topics: ['organizations'],
    indexes: [['organizationId'], ['name']],
  },
  on: {
    ProjectCreated: ({ projectId: id, organizationId, name, atMs }) => [
      { id, set: { organizationId, name, createdAt: toIso(atMs) } },
    ],
    ProjectChanged: ({ projectId: id, name }) => [{ id, set: { name } }],
    ProjectDeleted: ({ projectId: id, atMs }) => [{ id, set: { deletedAt: toIso(atMs) } }],
  },
};
