// Projects of an organization: made, renamed, deleted.

import { newId, type OrganizationId } from '../../ids.ts';
import { toIso } from '../../time.ts';
import type { Project } from '../directory-state.ts';
import { inputParser } from '../input.ts';
import { type AdminContext, type Decision, ensureFree, existing } from './decision.ts';

const parse = inputParser<{ name: string }>({
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: { name: { type: 'string', format: 'name' } },
});

function projectAnswer({ id, organizationId, name, createdAtMs }: Project) {
  return { id, organizationId, name, createdAt: toIso(createdAtMs) };
}

export function createProject(context: AdminContext, organization: string, input: unknown) {
  const { id } = existing(context.state.organizations, 'organization', organization);
  return newProject(context, id, parse(input));
}

/** Of input that was checked. */
export function newProject(
  { state, nowMs }: AdminContext,
  organizationId: OrganizationId,
  { name }: { name: string },
) {
  ensureFree(state.projectsOf.of(organizationId), 'a project', name);
  const projectId = newId('prj', nowMs);
  return {
    event: { type: 'ProjectCreated', organizationId, projectId, atMs: nowMs, name },
    answer: projectAnswer({ id: projectId, organizationId, name, createdAtMs: nowMs }),
  } satisfies Decision<object>;
}

export function changeProject({ state, nowMs }: AdminContext, id: string, input: unknown) {
  const project = existing(state.projects, 'project', id);
  const { name } = parse(input);
  const { id: projectId, organizationId } = project;
  ensureFree(state.projectsOf.of(organizationId), 'a project', name, projectId);
  return {
    event: { type: 'ProjectChanged', organizationId, projectId, atMs: nowMs, name },
    answer: projectAnswer({ ...project, name }),
  } satisfies Decision<object>;
}

export function deleteProject({ state, nowMs }: AdminContext, id: string): Decision {
  const { id: projectId, organizationId } = existing(state.projects, 'project', id);
  return { event: { type: 'ProjectDeleted', organizationId, projectId, atMs: nowMs }, answer: undefined };
}
