// Whether each webhook went from state to state as it may, and its attempts are numbered as they must be. Pure.
//
//     WebhookScheduled ─▶ waiting ─AttemptStarted▶ in flight ─AttemptFailed▶ failed ─AttemptStarted▶ …
//                            │ ▲                      │                       │
//                            │ └─ WebhookRetried ◀────┼──── error ◀───────────┴─ WebhookFailed
//     WebhookOmitted ─▶ omitted ┘                     └─WebhookProcessed▶ processed
//
// Open webhooks are remembered with all that matters; of one that has ended its id, how it ended, and its attempts.

import {
  type AttemptFailed,
  type AttemptStarted,
  startsAtMsOf,
  type WebhookEvent,
  type WebhookRetryRequested,
} from '../events.ts';
import type { EndpointId, WebhookId } from '../ids.ts';
import { createIdTable, type IdKey, keyOf } from './id-table.ts';
import type { Sweep } from './report.ts';
import type { Least } from './subscriptions.ts';
import type { ToldOfWebhook } from './told.ts';

export interface Lives {
  /** First what operators have asked for, in topic organizations. */
  takeRequest(event: WebhookRetryRequested): void;
  /** Then topic outbound; `least`: of the endpoint's settings that may be in force. */
  take(stored: ToldOfWebhook, least: () => Least): void;
  /** How many webhooks have not ended. */
  pending(): number;
}

const STATES = [
  /** Its beginning is not in the log: anything may come. */
  'unknown',
  'waiting',
  'in flight',
  'failed',
  /** The last attempt has failed: WebhookFailed must come. */
  'failed for good',
  'omitted',
  'processed',
  'in error',
] as const;
type State = (typeof STATES)[number];

type Later = Exclude<WebhookEvent['type'], 'WebhookScheduled' | 'WebhookOmitted'>;

/** From which states an event may lead to another one. */
const FROM: { readonly [T in Later]: readonly State[] } = {
  WebhookRetried: ['omitted', 'in error'],
  AttemptStarted: ['waiting', 'failed'],
  AttemptFailed: ['in flight'],
  WebhookProcessed: ['in flight'],
  WebhookFailed: ['waiting', 'failed', 'failed for good'],
};

interface Life {
  state: State;
  /** Undefined: it is not known, as the webhook had ended. */
  endpointId: EndpointId | undefined;
  attempts: number;
  /** When the last attempt starts by its claim, and the least time that it can have been given. */
  startsAtMs: number;
  timeoutMs: number;
}

export function createLives({ findings, isMine, isOld }: Sweep): Lives {
  const open = new Map<WebhookId, Life>();
  /** How webhooks have ended. */
  const ended = createIdTable();
  /** How often each webhook was to be tried again, and has not been yet. */
  const requests = createIdTable();

  function birth(stored: ToldOfWebhook, key: IdKey, life: Life): void {
    const { webhookId, organizationId } = stored.event;
    findings.checked('ids');
    if (open.has(webhookId) || ended.get(key) !== undefined) {
      const message = `${webhookId} is the id of two webhooks`;
      findings.found('ids', stored, message, { organizationId, webhookId });
    }
    put(webhookId, key, life);
  }

  function put(webhookId: WebhookId, key: IdKey, life: Life): void {
    if (isEnd(life.state)) {
      open.delete(webhookId);
      ended.set(key, packed(life));
    } else open.set(webhookId, life);
  }

  /** What is known of a webhook of which something is told that comes later in a life. */
  function lifeOf(stored: ToldOfWebhook, key: IdKey): Life {
    const { webhookId, organizationId, type } = stored.event;
    const known = open.get(webhookId);
    if (known !== undefined) return known;
    const end = ended.get(key);
    if (end !== undefined) return unpacked(end);
    if (!isOld(webhookId)) {
      const message = `${type} is told of ${webhookId}, which never came to be`;
      findings.found('transitions', stored, message, { organizationId, webhookId });
    }
    return beginning(undefined, 'unknown');
  }

  function judgeRequest(stored: ToldOfWebhook, key: IdKey): void {
    const { webhookId, organizationId } = stored.event;
    const asked = requests.get(key) ?? 0;
    if (asked > 0) requests.set(key, asked - 1);
    else if (!isOld(webhookId)) {
      const message = `${webhookId} is pending again, and nobody had asked for that`;
      findings.found('transitions', stored, message, { organizationId, webhookId });
    }
  }

  function start(stored: ToldOfWebhook, event: AttemptStarted, life: Life, { timeoutMs }: Least): void {
    const { webhookId, organizationId, attempt } = event;
    findings.checked('attempts');
    if (life.state !== 'unknown' && attempt !== life.attempts + 1 && !isOld(webhookId)) {
      const message = `attempt ${attempt} of ${webhookId} follows attempt ${life.attempts}`;
      findings.found('attempts', stored, message, { organizationId, webhookId });
    }
    Object.assign(life, { attempts: attempt, startsAtMs: startsAtMsOf(event), timeoutMs });
  }

  function judgeOutcome(stored: ToldOfWebhook, webhookId: WebhookId, attempt: number, life: Life): void {
    if (life.state !== 'in flight' || attempt === life.attempts) return;
    const message = `${webhookId} has an outcome of attempt ${attempt}, and attempt ${life.attempts} is in flight`;
    const { organizationId } = stored.event;
    findings.found('attempts', stored, message, { organizationId, webhookId });
  }

  /** An attempt of which nobody knows what it came to may only be made up for once it can be under way no longer. */
  function judgeInterruption(stored: ToldOfWebhook, event: AttemptFailed, life: Life): void {
    const { webhookId, organizationId, atMs, error, nextAttemptAtMs, attempt } = event;
    if (error !== 'interrupted' || nextAttemptAtMs === null || life.state !== 'in flight') return;
    const afterMs = atMs - life.startsAtMs;
    // Else a clock was put back.
    if (afterMs < 0 || afterMs >= life.timeoutMs) return;
    const what = `attempt ${attempt} of ${webhookId} was given up as interrupted ${afterMs} ms after its start`;
    const message = `${what}, and may have been under way for ${life.timeoutMs} ms`;
    findings.found('attempts', stored, message, { organizationId, webhookId });
  }

  return {
    takeRequest({ webhookId }) {
      const key = keyOf(webhookId);
      if (isMine(key)) requests.set(key, (requests.get(key) ?? 0) + 1);
    },

    take(stored, least) {
      const { event } = stored;
      const { webhookId, organizationId, endpointId } = event;
      const key = keyOf(webhookId);
      if (!isMine(key)) return;
      findings.checked('transitions');
      if (event.type === 'WebhookScheduled' || event.type === 'WebhookOmitted') {
        birth(stored, key, beginning(endpointId, event.type === 'WebhookOmitted' ? 'omitted' : 'waiting'));
        return;
      }
      const life = lifeOf(stored, key);
      const ids = { organizationId, endpointId, webhookId };
      if (life.state !== 'unknown' && !FROM[event.type].includes(life.state)) {
        const message = `${webhookId} is ${life.state}, and then comes ${event.type}`;
        findings.found('transitions', stored, message, ids);
      }
      if ((life.endpointId ?? endpointId) !== endpointId) {
        const message = `${webhookId} is for ${life.endpointId}, and ${event.type} says for ${endpointId}`;
        findings.found('transitions', stored, message, ids);
      }
      switch (event.type) {
        case 'WebhookRetried':
          judgeRequest(stored, key);
          life.state = 'waiting';
          break;
        case 'AttemptStarted':
          start(stored, event, life, least());
          life.state = 'in flight';
          break;
        case 'AttemptFailed':
          judgeOutcome(stored, webhookId, event.attempt, life);
          judgeInterruption(stored, event, life);
          life.state = event.nextAttemptAtMs === null ? 'failed for good' : 'failed';
          break;
        case 'WebhookProcessed':
          judgeOutcome(stored, webhookId, event.attempt, life);
          life.state = 'processed';
          break;
        case 'WebhookFailed':
          life.state = 'in error';
          break;
        default:
          event satisfies never;
      }
      put(webhookId, key, life);
    },

    pending: () => open.size,
  };
}

function beginning(endpointId: EndpointId | undefined, state: State, attempts = 0): Life {
  return { state, endpointId, attempts, startsAtMs: 0, timeoutMs: 0 };
}

function isEnd(state: State): boolean {
  return state === 'omitted' || state === 'processed' || state === 'in error';
}

/** A life that has ended, as one number. */
function packed({ state, attempts }: Life): number {
  return attempts * STATES.length + STATES.indexOf(state);
}

function unpacked(end: number): Life {
  return beginning(undefined, STATES[end % STATES.length] ?? 'unknown', Math.floor(end / STATES.length));
}
