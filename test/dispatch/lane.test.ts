import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { decide, type LaneInput } from '../../src/dispatch/decide.ts';
import { evolve } from '../../src/dispatch/evolve.ts';
import { MAX_IN_FLIGHT_PER_ENDPOINT, MAX_WAITING, wakeAtMs } from '../../src/dispatch/lane.ts';
import { signingSecretsOf } from '../../src/sealed.ts';
import {
  answered500,
  attemptFailed,
  attemptFinished,
  attemptStarted,
  cause,
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
    const lane = fullLane();
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

  test('is claimed a little before the gap is over, and the claim tells when that is', () => {
    const other = scheduled({ webhookId: otherWebhookId });
    const busy = [endpointCreated(), scheduled(), attemptStarted(), processed({ startedAtMs: 20 }), other];
    const claimed = { type: 'AttemptStarted', webhookId: otherWebhookId } as const;
    given(...busy)
      .when(slotOffered(3), { at: 5_017 })
      .then({ ...claimed, atMs: 5_017, startsAtMs: 5_020 });
    given(...busy)
      .when(slotOffered(3), { at: 5_016 })
      .then();
    given(...busy)
      .when(slotOffered(3), { at: 5_020 })
      .then({ ...claimed, atMs: 5_020, startsAtMs: null });
  });

  test('is not claimed before its own time, which takes the slot of nobody', () => {
    for (const gapMs of [0, 5_000]) {
      given(endpointCreated({ gapMs }), scheduled({ dueAtMs: 10 }))
        .when(slotOffered(3), { at: 7 })
        .then();
    }
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
    const endpoint = lane.endpoints.get(endpointId);
    assert.ok(endpoint);
    endpoint.window = MAX_IN_FLIGHT_PER_ENDPOINT;
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
      .then({ type: 'AttemptFailed', error: 'status' });
  });

  test('that never left is made up for at once, without a schedule', () => {
    const failure = { error: 'interrupted', detail: '' } as const;
    given(endpointCreated(), scheduled(), attemptStarted())
      .when(attemptFinished({ responseCode: null, failure }), { at: 14 })
      .then({ type: 'AttemptFailed', error: 'interrupted', nextAttemptAtMs: 14 });
  });

  test('whose connection was kept and found closed is made up for at once, without a schedule', () => {
    const failure = { error: 'closed', detail: '' } as const;
    given(endpointCreated(), scheduled(), attemptStarted())
      .when(attemptFinished({ responseCode: null, failure }), { at: 14 })
      .then({ type: 'AttemptFailed', error: 'closed', nextAttemptAtMs: 14 });
  });

  test('of another attempt than the one in flight is ignored', () => {
    given(endpointCreated(), scheduled(), attemptStarted({ attempt: 2 }))
      .when(attemptFinished({}, { attempt: 1 }), { at: 14 })
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
    by: 'tok_1',
    body: Buffer.from('{}'),
  });

  test('makes the webhook pending again, and says who asked for it', () => {
    given(endpointCreated())
      .when(retryRequested, { at: 5 })
      .then({ type: 'WebhookRetried', webhookId, dueAtMs: 5, by: 'tok_1' });
  });

  test('of a webhook that is pending changes nothing', () => {
    given(endpointCreated(), scheduled()).when(retryRequested, { at: 5 }).then();
  });

  test('of a webhook whose endpoint is gone changes nothing', () => {
    given().when(retryRequested, { at: 5 }).then();
  });

  test('fails when as many wait for the endpoint as may', () => {
    const lane = fullLane();
    const events = decide(lane, retryRequested, 5);
    assert.deepEqual(
      events.map((event) => [event.type, 'reason' in event && event.reason]),
      [
        ['WebhookRetried', false],
        ['WebhookFailed', 'too much waits for the endpoint'],
      ],
    );
    for (const event of events) evolve(lane, event, cause);
    assert.deepEqual([lane.pending.size, lane.pending.has(webhookId)], [MAX_WAITING, false]);
  });
});

suite('what comes before the gap is over', () => {
  const sent = [scheduled(), attemptStarted({ atMs: 0 }), processed()];

  test('waits in a queue where the endpoint has one', () => {
    given(endpointCreated({ whenBusy: 'queue' }), ...sent)
      .when(triggered(), { at: 1_000 })
      .then({ type: 'WebhookScheduled', dueAtMs: 1_000 });
  });

  test('is omitted when the queue is full', () => {
    const queued = scheduled({ webhookId: otherWebhookId });
    given(endpointCreated({ whenBusy: 'queue', maxQueued: 1 }), ...sent, queued)
      .when(triggered(), { at: 1_000 })
      .then({ type: 'WebhookOmitted', reason: 'overflow', freeAtMs: null });
  });

  test('finds no place in the queue taken by what waits for a retry', () => {
    const failed = attemptFailed({ nextAttemptAtMs: 60_000 });
    given(endpointCreated({ whenBusy: 'queue', maxQueued: 1 }), scheduled(), attemptStarted(), failed)
      .when(triggered(), { at: 1_000 })
      .then({ type: 'WebhookScheduled' });
  });

  test('is kept for the digest where the endpoint wants one', () => {
    given(endpointCreated({ whenBusy: 'digest' }), ...sent)
      .when(triggered(), { at: 1_000 })
      .then({ type: 'WebhookOmitted', reason: 'digest', freeAtMs: 5_000 });
  });

  test('goes before the digest, which waits for the next gap, if it has been due for longer', () => {
    const endpoint = endpointCreated({ whenBusy: 'digest', retriesMs: [1_000] });
    const failed = attemptFailed({ nextAttemptAtMs: 1_000 });
    const lane = laneAfter(endpoint, scheduled(), attemptStarted(), failed);
    for (const event of decide(lane, triggered(), 500)) evolve(lane, event, cause);
    const started = decide(lane, slotOffered(), 5_000);
    assert.deepEqual(
      started.map(({ type }) => type),
      ['AttemptStarted'],
    );
    for (const event of started) evolve(lane, event);
    for (const event of decide(lane, attemptFinished({ startedAtMs: 5_000 }, { attempt: 2 }), 5_001))
      evolve(lane, event);
    const [digest] = decide(lane, slotOffered(), 10_000);
    assert.equal(digest?.type === 'WebhookScheduled' && digest.kind, 'digest');
  });
});

suite('a test of an endpoint', () => {
  const asked = triggered({ kind: 'endpoint.test', only: { endpointId, webhookId } });

  test('goes to this endpoint alone, whatever it subscribes to, and waits for the gap', () => {
    const other = endpointCreated({ endpointId: otherEndpointId, events: ['*'] });
    given(endpointCreated(), other, scheduled(), attemptStarted({ atMs: 0 }), processed())
      .when(asked, { at: 1_000 })
      .then({ type: 'WebhookScheduled', webhookId, endpointId });
  });
});

suite('the health of an endpoint', () => {
  const day = 86_400_000;
  const failing = [scheduled(), attemptStarted(), attemptFailed({ atMs: 0 })];
  const again = [scheduled({ webhookId }), attemptStarted({ atMs: day })];

  test('is warned of when half of the time is over in which it only failed', () => {
    given(endpointCreated({ retriesMs: [] }), ...failing, ...again)
      .when(attemptFinished(answered500, { disableAfterMs: 2 * day }), { at: day })
      .then(
        { type: 'AttemptFailed' },
        { type: 'WebhookFailed' },
        { type: 'EndpointFailing', endpointId, failingSinceMs: 0, disabledAtMs: 2 * day },
      );
  });

  test('is warned of once', () => {
    const lane = laneAfter(endpointCreated({ retriesMs: [] }), ...failing, ...again);
    const finished = attemptFinished(answered500, { disableAfterMs: 2 * day });
    for (const event of decide(lane, finished, day)) evolve(lane, event);
    for (const event of [scheduled(), attemptStarted({ atMs: day + 9_000 })]) evolve(lane, event, cause);
    assert.equal(decide(lane, finished, day + 9_000).length, 2);
  });

  test('is warned of and disabled within a millisecond by two events, each with an id of its own', () => {
    const inFlight = [
      scheduled({ webhookId: otherWebhookId }),
      attemptStarted({ webhookId: otherWebhookId }),
    ];
    const lane = laneAfter(endpointCreated({ retriesMs: [], gapMs: 0 }), ...failing, ...again, ...inFlight);
    const idsOf = (input: LaneInput) => {
      const events = decide(lane, input, day);
      for (const event of events) evolve(lane, event);
      return events.flatMap((event) => ('eventId' in event ? [event.eventId] : []));
    };
    const options = { disableAfterMs: 2 * day };
    const [warning] = idsOf(attemptFinished(answered500, options));
    const gone = attemptFinished({ ...answered500, responseCode: 410 }, options);
    const [end] = idsOf({ ...gone, webhookId: otherWebhookId } as LaneInput);
    assert.ok(warning !== undefined && end !== undefined);
    assert.notEqual(warning, end);
  });

  test('ends with its being disabled when the time is over', () => {
    given(endpointCreated({ retriesMs: [5_000] }), ...failing, ...again)
      .when(attemptFinished(answered500, { disableAfterMs: day }), { at: day })
      .then(
        { type: 'AttemptFailed', nextAttemptAtMs: null },
        { type: 'WebhookFailed' },
        { type: 'EndpointDisabled', endpointId, reason: 'failed for 1d', failingSinceMs: 0 },
      );
  });

  test('begins anew with each success', () => {
    const worked = processed({ atMs: 9 });
    given(endpointCreated({ retriesMs: [] }), ...failing, scheduled(), attemptStarted(), worked, ...again)
      .when(attemptFinished(answered500, { disableAfterMs: day }), { at: day })
      .then({ type: 'AttemptFailed' }, { type: 'WebhookFailed' });
  });

  test('begins anew when an operator enables it', () => {
    const { secret: _, ...settings } = endpointCreated();
    const disabled = { ...settings, type: 'EndpointChanged', status: 'disabled' } as const;
    const enabled = { ...settings, type: 'EndpointChanged' } as const;
    const lane = laneAfter(endpointCreated(), ...failing, disabled, enabled);
    assert.equal(lane.endpoints.get(endpointId)?.failingSinceMs, null);
  });

  for (const error of ['interrupted', 'closed'] as const) {
    test(`is not harmed by what is no fault of its own: ${error}`, () => {
      const failure = { error, detail: '' };
      given(endpointCreated(), ...failing, ...again)
        .when(attemptFinished({ responseCode: null, failure }, { disableAfterMs: day }), { at: day })
        .then({ type: 'AttemptFailed', error });
    });
  }
});

suite('a new signing secret', () => {
  const rotated = (secret: string, previousUntilMs: number | null, atMs = 0) =>
    ({ type: 'EndpointSecretRotated', organizationId, endpointId, atMs, secret, previousUntilMs }) as const;
  const secretsOf = (at: number, ...events: ReturnType<typeof rotated>[]) => {
    const endpoint = laneAfter(endpointCreated({ secret: 'a' }), ...events).endpoints.get(endpointId);
    return endpoint && signingSecretsOf(endpoint, at);
  };

  test('signs beside the one before it until the grace is over', () => {
    assert.deepEqual(secretsOf(999, rotated('b', 1_000)), ['b', 'a']);
    assert.deepEqual(secretsOf(1_000, rotated('b', 1_000)), ['b']);
  });

  test('signs alone, all others ended, without a grace', () => {
    assert.deepEqual(secretsOf(1, rotated('b', 1_000), rotated('c', 1_000)), ['c', 'b', 'a']);
    assert.deepEqual(secretsOf(1, rotated('b', 1_000), rotated('c', null)), ['c']);
  });

  test('signs when it was sealed anew, as all that signed before do', () => {
    const resealed = {
      type: 'SecretsResealed',
      organizationId,
      atMs: 0,
      secrets: { a: 'A', b: 'B' },
    } as const;
    const events = [endpointCreated({ secret: 'a' }), rotated('b', 1_000), resealed, rotated('c', 1_000)];
    const endpoint = laneAfter(...events).endpoints.get(endpointId);
    assert.deepEqual(endpoint && signingSecretsOf(endpoint, 1), ['c', 'B', 'A']);
  });

  test('signs beside few: of many rotations the oldest end', () => {
    const many = Array.from({ length: 9 }, (_, n) => rotated(`s${n}`, 1_000));
    assert.equal(secretsOf(1, ...many)?.length, 6);
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

/** For its endpoint, which has no gap, waits as much as may. */
function fullLane() {
  const lane = laneAfter(endpointCreated({ gapMs: 0 }));
  for (let i = 1; i <= MAX_WAITING; i++) {
    const id = `wh_${String(i).padStart(26, '0')}` as const;
    evolve(lane, scheduled({ webhookId: id }), cause);
  }
  return lane;
}
