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
  project(event) {
    switch (event.type) {
      case 'ProjectCreated': {
        const { projectId: id, organizationId, name, atMs } = event;
        return [{ id, set: { organizationId, name, createdAt: toIso(atMs) } }];
      }
      case 'ProjectChanged':
        return [{ id: event.projectId, set: { name: event.name } }];
      case 'ProjectDeleted':
        return [{ id: event.projectId, set: { deletedAt: toIso(event.atMs) } }];
      default:
        return [];
    }
  },
};
