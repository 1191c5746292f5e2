// What is taken out of a topic when the log is pruned, and what takes its place. Pure.
//
// What has a history is as old as its id (see views/retention.ts), and goes with all of its events, wherever they stand:
// so nothing is left of it that a rebuild would make half a document of. Configuration stays. The newest event of a
// partition stays as well, as the log knows by it where it ends; read models are told to forget it (Views.forget()).
//
// Two read models that stay are made of what goes: groups of logs, and when an organization was last sent to. In the place
// of the last event that goes of each, an event is put that says how that stood then, all of it. So a rebuild comes to the
// same, also one that is just going on: it has either read what has gone, or reads what stands for it.

import { type HooklaneEvent, type LogsPruned, startsAtMsOf, type WebhooksPruned } from '../events.ts';
import { leastId, type Prefix } from '../ids.ts';
import type { Position, Rewrite, StoredEvent } from '../log/log.ts';
import { applyPatch } from '../views/patch.ts';
import type { Fields } from '../views/views.ts';
import { groupId, logGroups, prunedLogs } from './log-groups.ts';
import { changesOf } from './projection.ts';

/** The id of what an event is part of the history of; undefined: it is configuration, or stands for others. */
export function historyIdOf(event: HooklaneEvent): string | undefined {
  switch (event.type) {
    case 'LogReceived':
    case 'DeployReceived':
      return event.id;
    case 'LogRecorded':
    case 'DeployRecorded':
    case 'InboundWebhookFailed':
      return event.inboundId;
    case 'EventPublished':
    case 'EndpointFailing':
    case 'EndpointTestRequested':
      return event.eventId;
    case 'WebhookRetryRequested':
    case 'WebhookImported':
    case 'WebhookScheduled':
    case 'WebhookOmitted':
    case 'WebhookRetried':
    case 'AttemptStarted':
    case 'AttemptFailed':
    case 'WebhookProcessed':
    case 'WebhookFailed':
      return event.webhookId;
    default:
      return undefined;
  }
}

/** Whether what has this id was made before `beforeMs`. */
function isBefore(id: string, beforeMs: number): boolean {
  return id < leastId(id.slice(0, id.indexOf('_')) as Prefix, beforeMs);
}

/** One partition of a topic, while it is gone through from its start. */
export interface PartitionPruning {
  /** What of the next events goes. `end`: of the partition, or where it was; the event before it stays, and what is behind. */
  take(events: readonly StoredEvent[], end: number): Pick<Rewrite, 'remove' | 'put'>;
}

/** What stands for others: as it is now, and where the event that says so stands, if there is one. */
interface Standing<T> {
  state: T;
  offset: number | undefined;
}

/** Keeps a group of logs in memory for each distinct error, and a time for each organization. */
export function createPartitionPruning(beforeMs: number): PartitionPruning {
  const groups = new Map<string, Standing<Fields>>();
  const sent = new Map<string, Standing<number>>();

  function groupOf(
    event: Extract<HooklaneEvent, { type: 'LogRecorded' | 'LogsPruned' }>,
    at: Position,
  ): Standing<Fields> {
    const group = groups.get(groupId(event)) ?? { state: {}, offset: undefined };
    groups.set(groupId(event), group);
    for (const change of changesOf(logGroups, event, at)) applyPatch(group.state, change);
    return group;
  }

  function sentTo(organizationId: string, atMs: number): Standing<number> {
    const standing = sent.get(organizationId) ?? { state: 0, offset: undefined };
    sent.set(organizationId, standing);
    standing.state = Math.max(standing.state, atMs);
    return standing;
  }

  /** What stands for others that go, and how; undefined: none of what stays is made of the event. */
  function standingFor(event: HooklaneEvent, at: Position) {
    switch (event.type) {
      case 'LogRecorded': {
        const group = groupOf(event, at);
        return { standing: group, event: (): LogsPruned => prunedLogs(group.state) };
      }
      case 'AttemptStarted': {
        const { organizationId } = event;
        const standing = sentTo(organizationId, startsAtMsOf(event));
        const lastStartedAtMs = standing.state;
        return {
          standing,
          event: (): WebhooksPruned => ({ type: 'WebhooksPruned', organizationId, lastStartedAtMs }),
        };
      }
      default:
        return undefined;
    }
  }

  /** The one that an event which stands for others says the state of. */
  function standingOf(event: HooklaneEvent, at: Position): Standing<unknown> | undefined {
    if (event.type === 'LogsPruned') return groupOf(event, at);
    if (event.type === 'WebhooksPruned') return sentTo(event.organizationId, event.lastStartedAtMs);
    return undefined;
  }

  return {
    take(events, end) {
      const remove = new Set<number>();
      const put = new Map<number, LogsPruned | WebhooksPruned>();
      /** From here on the event at `offset` stands for the others, and what did so before goes. */
      function stand(standing: Standing<unknown>, offset: number): void {
        if (standing.offset !== undefined) {
          put.delete(standing.offset);
          remove.add(standing.offset);
        }
        standing.offset = offset;
      }
      for (const stored of events) {
        const { event, offset } = stored;
        // One that was there may come after what goes only now: events are not in the order of their ids.
        const stands = standingOf(event, stored);
        if (stands !== undefined) stand(stands, offset);
        const made = standingFor(event, stored);
        const id = historyIdOf(event);
        if (id === undefined || !isBefore(id, beforeMs) || offset >= end - 1) continue;
        if (made === undefined) {
          remove.add(offset);
        } else {
          stand(made.standing, offset);
          put.set(offset, made.event());
        }
      }
      return { remove: [...remove], put: [...put].map(([offset, event]) => ({ offset, event })) };
    },
  };
}
