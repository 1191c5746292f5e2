// Groups of logs: the distinct errors of a project, by fingerprint, with how often, when first and when last.
//
// A recorder that has lost its position records the same posts again. Each says from where in `inbound` it was made,
// and those of one partition are recorded in its order: what is not further than what was counted is no new log.
// Logs of releases before 0.2 do not say it, and count each time.

import { LOG_LEVELS } from '../events.ts';
import { toIso } from '../time.ts';
import type { Projection } from './projection.ts';

/** Characters of a message that are kept: a group is a line of a list. */
const MAX_MESSAGE_CHARACTERS = 500;

export const logGroups: Projection = {
  definition: {
    name: 'logGroups',
    version: 1,
    topics: ['organizations'],
    // Each log writes its group: in other orders than the last seen first, the groups of a project are sorted.
    indexes: [
      ['organizationId', 'lastSeenAt'],
      ['projectId', 'lastSeenAt'],
    ],
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
          id: `${projectId}_${fingerprint}`,
          set: { organizationId, projectId, fingerprint, type },
          max: { lastSeenAt: receivedAt, newest },
          min: { firstSeenAt: receivedAt },
          count: { count: counted },
        },
      ];
    },
  },
};
