import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { evolve } from '../../src/dispatch/evolve.ts';
import { decide, MAX_IN_FLIGHT_PER_ENDPOINT, MAX_WAITING, wakeAtMs } from '../../src/dispatch/lane.ts';
import {
  answered500,
  attemptFailed,
  attemptFinished,
  attemptStarted,
  endpointCreated,
  endpointId,
  eventId,
  given,
  laneAfter,
  organizationId,
  otherEndpointId,
  otherWebhookId,
  processed,
  received,
  scheduled,
  slotOffered,
  triggered,
  webhookId,
} from './story.ts';

suite('a trigger', () => {
  test('is scheduled at once for an endpoint that was never sent to', () => {
    given(endpointCreated())
      .when(triggered(), { at: 1_000 })
      .then({ type: 'WebhookScheduled', endpointId, eventId, kind: 'log.created', dueAtMs: 1_000 });
  });

  test('inside the gap is omitted, and says when the lane would have been free', () => {
    given(endpointCreated({ gapMs: 5_000 }), scheduled(), attemptStarted({ atMs: 0 }), processed())
      .when(triggered(), { at: 4_999 })
      .then({ type: 'WebhookOmitted', reason: 'gap', freeAtMs: 5_000 });
  });

  test('is scheduled in the very millisecond in which the gap is over', () => {
    given(endpointCreated({ gapMs: 5_000 }), scheduled(), attemptStarted({ atMs: 0 }), processed())
      .when(triggered(), { at: 5_000 })
      .then({ type: 'WebhookScheduled' });
  });

  test('finds the gap counted from when the request really left, not from when it was claimed', () => {
    given(endpointCreated(), scheduled(), attemptStarted({ atMs: 0 }), processed({ startedAtMs: 30 }))
      .when(triggered(), { at: 5_029 })
      .then({ type: 'WebhookOmitted', reason: 'gap', freeAtMs: 5_030 });
  });

  test('is omitted while an older webhook is due, whose turn it is', () => {
    given(endpointCreated(), scheduled({ dueAtMs: 900 }))
      .when(triggered(), { at: 1_000 })
      .then({ type: 'WebhookOmitted', reason: 'gap', freeAtMs: 6_000 });
  });

  test('takes the slot of a retry that is not due yet', () => {
    given(
      endpointCreated({ retriesMs: [60_000] }),
      scheduled(),
      attemptStarted(),
      attemptFailed({ nextAttemptAtMs: 60_000 }),
    )
      .when(triggered(), { at: 5_000 })
      .then({ type: 'WebhookScheduled' });
  });

  test('waits for a request that takes longer than the gap, and is not lost', () => {
    given(endpointCreated({ gapMs: 1_000 }), scheduled(), attemptStarted({ atMs: 0 }))
      .when(triggered(), { at: 1_500 })
      .then({ type: 'WebhookScheduled' });
  });

  test('of a kind that nobody subscribes to comes to nothing', () => {
    given(endpointCreated({ events: ['log.*'] }))
      .when(triggered({ kind: 'deploy.created' }), { at: 0 })
      .then();
  });

  test('becomes one webhook for each endpoint that subscribes to it', () => {
    given(endpointCreated(), endpointCreated({ endpointId: otherEndpointId, events: ['*'] }))
      .when(triggered(), { at: 0 })
      .then(
        { type: 'WebhookScheduled', endpointId },
        { type: 'WebhookScheduled', endpointId: otherEndpointId },
      );
  });

  test('for a disabled endpoint is omitted, with that reason', () => {
    given(endpointCreated({ status: 'disabled' }))
      .when(triggered(), { at: 0 })
      .then({ type: 'WebhookOmitted', reason: 'disabled', freeAtMs: null });
  });

  test('is never too soon for an endpoint without a gap', () => {
    given(endpointCreated({ gapMs: 0 }), scheduled(), attemptStarted({ atMs: 0 }))
      .when(triggered(), { at: 0 })
      .then({ type: 'WebhookScheduled' });
  });

  test('is omitted when as many wait for an endpoint without a gap as may', () => {
    const lane = laneAfter(endpointCreated({ gapMs: 0 }));
    for (let i = 0; i < MAX_WAITING; i++) {
      const id = `wh_${String(i).padStart(26, '0')}` as const;
      evolve(lane, scheduled({ webhookId: id }), {
        eventId,
        kind: 'log.created',
        body: Buffer.from('{}'),
        attempt: 0,
      });
    }
    const [omitted] = decide(lane, triggered(), 0);
    assert.equal(omitted?.type === 'WebhookOmitted' && omitted.reason, 'overflow');
  });

  test('gives the same webhook id however often it is decided', () => {
    const lane = laneAfter(endpointCreated());
    assert.deepEqual(decide(lane, triggered(), 7), decide(lane, triggered(), 7));
  });
});

suite('a waiting webhook', () => {
  test('is started when a slot is offered', () => {
    given(endpointCreated(), scheduled())
      .when(slotOffered(), { at: 3 })
      .then({ type: 'AttemptStarted', webhookId, attempt: 1, atMs: 3 });
  });

  test('is not started before it is due', () => {
    given(endpointCreated(), scheduled({ dueAtMs: 10 }))
      .when(slotOffered(), { at: 9 })
      .then();
  });

  test('is not started while the gap of its endpoint lasts', () => {
    const other = scheduled({ webhookId: otherWebhookId });
    given(endpointCreated(), scheduled(), attemptStarted(), processed({ startedAtMs: 20 }), other)
      .when(slotOffered(), { at: 5_019 })
      .then();
  });

  test('is not started beside another request to an endpoint with a gap, even when the gap is over', () => {
    const other = scheduled({ webhookId: otherWebhookId });
    const lane = laneAfter(endpointCreated({ gapMs: 1_000 }), scheduled(), attemptStarted(), other);
    assert.deepEqual(decide(lane, slotOffered(), 60_000), []);
    evolve(lane, processed({ atMs: 60_000 }));
    assert.equal(decide(lane, slotOffered(), 60_000).length, 1);
  });

  test('goes before one that is due later', () => {
    const later = scheduled({ webhookId: otherWebhookId, dueAtMs: 5 });
    given(endpointCreated(), later, scheduled({ dueAtMs: 4 }))
      .when(slotOffered(), { at: 9 })
      .then({ type: 'AttemptStarted', webhookId });
  });

  test('ends in error when its endpoint is deleted', () => {
    given(endpointCreated(), scheduled())
      .when(received({ type: 'EndpointDeleted', organizationId, endpointId, atMs: 1 }), { at: 1 })
      .then({ type: 'WebhookFailed', webhookId, reason: 'endpoint deleted' });
  });

  test('ends in error when its endpoint is disabled', () => {
    const { secret: _, ...settings } = endpointCreated({ status: 'disabled' });
    given(endpointCreated(), scheduled())
      .when(received({ ...settings, type: 'EndpointChanged' }), { at: 1 })
      .then({ type: 'WebhookFailed', webhookId, reason: 'endpoint disabled' });
  });

  test('many may be in flight to an endpoint without a gap, but not all', () => {
    const lane = laneAfter(endpointCreated({ gapMs: 0 }));
    const cause = { eventId, kind: 'log.created', body: Buffer.from('{}'), attempt: 0 };
    for (let i = 0; i <= MAX_IN_FLIGHT_PER_ENDPOINT; i++) {
      const id = `wh_${String(i).padStart(26, '0')}` as const;
      evolve(lane, scheduled({ webhookId: id }), cause);
    }
    for (let i = 0; i < MAX_IN_FLIGHT_PER_ENDPOINT; i++) {
      const events = decide(lane, slotOffered(), 0);
      assert.equal(events.length, 1);
      for (const event of events) evolve(lane, event);
    }
    assert.deepEqual(decide(lane, slotOffered(), 0), []);
  });
});

suite('a finished attempt', () => {
  test('with a 2xx answer makes the webhook processed', () => {
    given(endpointCreated(), scheduled(), attemptStarted())
      .when(attemptFinished({ startedAtMs: 2, durationMs: 12 }), { at: 14 })
      .then({
        type: 'WebhookProcessed',
        webhookId,
        attempt: 1,
        startedAtMs: 2,
        durationMs: 12,
        responseCode: 200,
      });
  });

  test('that failed, without a schedule of retries, ends the webhook in error', () => {
    given(endpointCreated({ retriesMs: [] }), scheduled(), attemptStarted())
      .when(attemptFinished(answered500), { at: 14 })
      .then(
        { type: 'AttemptFailed', responseCode: 500, error: 'status', nextAttemptAtMs: null },
        { type: 'WebhookFailed', webhookId, reason: 'status' },
      );
  });

  test('that failed is followed by the next one of the schedule', () => {
    given(endpointCreated({ retriesMs: [7_000] }), scheduled(), attemptStarted())
      .when(attemptFinished(answered500), { at: 14 })
      .then({ type: 'AttemptFailed', nextAttemptAtMs: 7_014 });
  });

  test('that never left is made up for at once, without a schedule', () => {
    const failure = { error: 'interrupted', detail: '' } as const;
    given(endpointCreated(), scheduled(), attemptStarted())
      .when(attemptFinished({ responseCode: null, failure }), { at: 14 })
      .then({ type: 'AttemptFailed', error: 'interrupted', nextAttemptAtMs: 14 });
  });

  test('of another attempt than the one in flight is ignored', () => {
    given(endpointCreated(), scheduled(), attemptStarted({ attempt: 2 }))
      .when(attemptFinished({}, 1), { at: 14 })
      .then();
  });

  test('of a webhook whose endpoint was deleted meanwhile still counts', () => {
    const deleted = { type: 'EndpointDeleted', organizationId, endpointId, atMs: 1 } as const;
    given(endpointCreated(), scheduled(), attemptStarted(), deleted)
      .when(attemptFinished(), { at: 14 })
      .then({ type: 'WebhookProcessed', webhookId });
  });
});

suite('a retry that an operator asks for', () => {
  const retryRequested = received({
    type: 'WebhookRetryRequested',
    webhookId,
    organizationId,
    endpointId,
    eventId,
    kind: 'log.created',
    atMs: 0,
    attemptCount: 1,
    body: Buffer.from('{}'),
  });

  test('makes the webhook pending again', () => {
    given(endpointCreated())
      .when(retryRequested, { at: 5 })
      .then({ type: 'WebhookRetried', webhookId, dueAtMs: 5 });
  });

  test('of a webhook that is pending changes nothing', () => {
    given(endpointCreated(), scheduled()).when(retryRequested, { at: 5 }).then();
  });

  test('of a webhook whose endpoint is gone changes nothing', () => {
    given().when(retryRequested, { at: 5 }).then();
  });
});

test('an endpoint wakes when what waits for it is due and its gap is over', () => {
  const lane = laneAfter(
    endpointCreated({ retriesMs: [1_000] }),
    scheduled(),
    attemptStarted(),
    attemptFailed({ startedAtMs: 10, nextAttemptAtMs: 1_010 }),
  );
  const endpoint = lane.endpoints.get(endpointId);
  assert.ok(endpoint);
  assert.equal(wakeAtMs(endpoint), 5_010);
});
