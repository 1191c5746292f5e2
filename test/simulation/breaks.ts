// Deliberate breaks of Hooklane's promises, one for each invariant: a simulation that does not find them finds nothing.
// Each breaks what stands between a component and the outside, as a bug in the component would.

import type { HooklaneEvent } from '../../src/events.ts';
import type { ViewBatch } from '../../src/views/views.ts';

/** What can be broken, by the invariant of the design that it breaks. */
export const BREAKS = {
  /** 1. What was answered 201 is lost. */
  'accepted-lost': 1,
  /** 2. An inbound webhook becomes two Logs. */
  'recorded-twice': 2,
  /** 2. An inbound webhook becomes nothing. */
  'never-recorded': 2,
  /** 3. A trigger becomes no webhook for an endpoint. */
  'birth-lost': 3,
  /** 4. The lane forgets when it last sent. */
  'gap-forgotten': 4,
  /** 4. The clocks of hosts differ by more than is reckoned with. */
  'clocks-apart': 4,
  /** 5. What was delivered is sent again. */
  'sent-again': 5,
  /** 6. A read model misses a change. */
  'change-missed': 6,
  /** 7. Events take effect out of order. */
  'out-of-order': 7,
  /** 8. The lane forgets what it has seen. */
  'seen-forgotten': 8,
} as const;

export type Break = keyof typeof BREAKS;

export interface Breaks {
  readonly outOfOrder: boolean;
  readonly clocksApart: boolean;
  /** Whether the network sends this request once more, by itself. */
  sendsAgain(): boolean;
  onAppend(events: readonly HooklaneEvent[]): readonly HooklaneEvent[];
  onCommit(events: readonly HooklaneEvent[]): readonly HooklaneEvent[];
  onApply(batch: ViewBatch): ViewBatch;
}

/** Once in so many. */
const RARELY = 40;

/** What `broken` breaks; undefined: nothing. */
export function createBreaks(broken: Break | undefined): Breaks {
  let count = 0;
  const dropped = new Set<string>();
  const rarely = (name: Break) => broken === name && ++count % RARELY === 0;

  function onCommit(event: HooklaneEvent): HooklaneEvent[] {
    switch (event.type) {
      case 'LogRecorded':
        if (rarely('recorded-twice')) {
          const again = { ...event, logId: `${event.logId}x`, inboundPartition: null } as const;
          return [event, again];
        }
        // However often it is recorded again.
        if (rarely('never-recorded')) dropped.add(event.logId);
        return dropped.has(event.logId) ? [] : [event];
      case 'WebhookOmitted':
        return rarely('birth-lost') ? [] : [event];
      case 'LaneSaved': {
        const endpoints = event.endpoints.map((endpoint) => ({ ...endpoint, lastStartedAtMs: 0 }));
        if (broken === 'gap-forgotten') return [{ ...event, endpoints }];
        return broken === 'seen-forgotten' ? [{ ...event, seen: -1, inboundSeen: {} }] : [event];
      }
      default:
        return [event];
    }
  }

  return {
    outOfOrder: broken === 'out-of-order',
    clocksApart: broken === 'clocks-apart',
    sendsAgain: () => rarely('sent-again'),
    onAppend: (events) => events.filter(({ type }) => type !== 'LogReceived' || !rarely('accepted-lost')),
    onCommit: (events) => (broken === undefined ? events : events.flatMap(onCommit)),
    onApply: (batch) => ({
      ...batch,
      patches: batch.patches.filter(({ view }) => view !== 'deliveries' || !rarely('change-missed')),
    }),
  };
}
