// Groups of logs: the distinct errors of a project, by fingerprint, with how often, when first and when last.
//
// A recorder that has lost its position records the same posts again. Each says from where in `inbound` it was made,
// and those of one partition are recorded in its order: what is not further than what was counted is no new log.
// Logs of releases before 0.2 do not say it, and count each time.

import { LOG_LEVELS, type LogsPruned } from '../events.ts';
import type { OrganizationId, ProjectId } from '../ids.ts';
import { toIso } from '../time.ts';
import type { Fields } from '../views/views.ts';
import type { Change, Projection } from './projection.ts';

/** Characters of a message that are kept: a group is a line of a list. */
const MAX_MESSAGE_CHARACTERS = 500;

export const logGroups: Projection = {
  definition: {
    name: 'logGroups',
    version: 2,
    topics: ['organizations'],
    // Each log writes its group: in other orders than the last seen first, the groups of a project are sorted.
    indexes: [
      ['organizationId', 'lastSeenAt'],
      ['projectId', 'lastSeenAt'],
    ],
    nested: ['organizationId', 'projectId'],
  },
  on: {
    LogRecorded(event) {
      const { organizationId, projectId, fingerprint, receivedAtMs, inboundPartition, inboundOffset } = event;
      const { logId, message, level, errorType: type } = event;
      const receivedAt = toIso(receivedAtMs);
      // Ids sort by time: of the texts that begin with one the greatest is that of the newest log.
      const newest = `${logId} ${LOG_LEVELS.indexOf(level)} ${message.slice(0, MAX_MESSAGE_CHARACTERS).toWellFormed()}`;
      const counted =
        inboundPartition === null || inboundOffset === null
          ? null
          : { seen: 'seen', key: String(inboundPartition), upTo: inboundOffset };
      return [
        {
          id: groupId(event),
          set: { organizationId, projectId, fingerprint, type },
          max: { lastSeenAt: receivedAt, newest },
          min: { firstSeenAt: receivedAt },
          count: { count: counted },
        },
      ];
    },
    LogsPruned: (event) => [restored(event)],
  },
};

/** The group as it stood when logs of it were taken out of the log, whatever is known of it yet. */
function restored(event: LogsPruned): Change {
  const { organizationId, projectId, fingerprint, errorType, count, newest, inboundSeen } = event;
  const seen = Object.keys(inboundSeen).length === 0 ? null : inboundSeen;
  const times = { firstSeenAt: toIso(event.firstSeenAtMs), lastSeenAt: toIso(event.lastSeenAtMs) };
  const set = { organizationId, projectId, fingerprint, type: errorType, newest, count, seen, ...times };
  return { id: groupId(event), set };
}

/** A group, by its document, as the event that stands for its logs. The other way round of restored(). */
export function prunedLogs(group: Fields): LogsPruned {
  return {
    type: 'LogsPruned',
    organizationId: group.organizationId as OrganizationId,
    projectId: group.projectId as ProjectId,
    fingerprint: String(group.fingerprint),
    errorType: typeof group.type === 'string' ? group.type : null,
    count: Number(group.count ?? 0),
    firstSeenAtMs: Date.parse(String(group.firstSeenAt)),
    lastSeenAtMs: Date.parse(String(group.lastSeenAt)),
    newest: String(group.newest),
    inboundSeen: { ...(group.seen as Record<string, number> | undefined) },
  };
}

export function groupId({ projectId, fingerprint }: { projectId: ProjectId; fingerprint: string }): string {
  return `${projectId}_${fingerprint}`;
}
