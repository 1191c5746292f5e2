// given events, projected by one projection, the documents are these.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HooklaneEvent, TOPIC_OF } from '../../src/events.ts';
import { projections } from '../../src/projections/all.ts';
import { audit } from '../../src/projections/audit.ts';
import { deliveries } from '../../src/projections/deliveries.ts';
import { endpoints } from '../../src/projections/endpoints.ts';
import { idempotencyKeys } from '../../src/projections/idempotency-keys.ts';
import { inboundWebhooks } from '../../src/projections/inbound-webhooks.ts';
import { integrations } from '../../src/projections/integrations.ts';
import { logs } from '../../src/projections/logs.ts';
import { organizations } from '../../src/projections/organizations.ts';
import { changesOf, eventTypesOf, type Projection } from '../../src/projections/projection.ts';
import { projects } from '../../src/projections/projects.ts';
import { tokens } from '../../src/projections/tokens.ts';
import { triggers } from '../../src/projections/triggers.ts';
import { applyPatch, canonicalJson } from '../../src/views/patch.ts';
import type { Fields } from '../../src/views/views.ts';
import { EXAMPLES } from '../log/examples.ts';
import * as facts from './facts.ts';

const { AT, AT_MS, id } = facts;

/** The documents of a projection after these events, by id. */
function project(projection: Projection, events: readonly HooklaneEvent[]): Map<string, Fields> {
  const documents = new Map<string, Fields>();
  for (const [offset, event] of events.entries()) {
    const cause = { topic: TOPIC_OF[event.type], partition: 0, offset };
    for (const { id: document, ...patch } of changesOf(projection, event, cause)) {
      const fields = documents.get(document) ?? {};
      applyPatch(fields, patch);
      documents.set(document, fields);
    }
  }
  return documents;
}

/** given(events).projected(projection).is(documents by id). */
function given(...events: HooklaneEvent[]) {
  return {
    projected(projection: Projection) {
      const documents = project(projection, events);
      return {
        is: (expected: Record<string, Fields>) => assert.deepEqual(Object.fromEntries(documents), expected),
      };
    },
  };
}

const ofOrganization = { organizationId: id('org') };
const ofWebhook = { endpointId: id('ep'), webhookId: id('wh'), eventId: id('evt') };
const LATER_MS = AT_MS + 60_000;
const LATER = '2026-01-31T12:01:00.000Z';

test('an organization has its newest name, and when it was created and deleted', () => {
  given(
    facts.organizationCreated(),
    { type: 'OrganizationChanged', ...ofOrganization, atMs: LATER_MS, name: 'emca' },
    { type: 'OrganizationSecretRotated', ...ofOrganization, atMs: LATER_MS, secret: 'other' },
    { type: 'OrganizationDeleted', ...ofOrganization, atMs: LATER_MS },
  )
    .projected(organizations)
    .is({ [id('org')]: { name: 'emca', createdAt: AT, deletedAt: LATER } });
});

test('an organization knows when a webhook was last sent, whichever attempt comes first', () => {
  const [early, late] = [facts.attemptStarted(), facts.attemptStarted({ atMs: LATER_MS })];
  for (const events of [
    [facts.organizationCreated(), early, late],
    [late, early, facts.organizationCreated()],
  ]) {
    given(...events)
      .projected(organizations)
      .is({ [id('org')]: { name: 'acme', createdAt: AT, sentLastWebhookAt: LATER } });
  }
});

test('a project has its newest name, and when it was deleted', () => {
  const ids = { ...ofOrganization, projectId: id('prj') };
  given(
    facts.projectCreated(),
    { type: 'ProjectChanged', ...ids, atMs: LATER_MS, name: 'store' },
    { type: 'ProjectDeleted', ...ids, atMs: LATER_MS },
  )
    .projected(projects)
    .is({ [id('prj')]: { ...ofOrganization, name: 'store', createdAt: AT, deletedAt: LATER } });
});

test('an integration has its newest settings, and never its token', () => {
  const ids = { ...ofOrganization, integrationId: id('int') };
  given(
    facts.integrationCreated(),
    facts.integrationChanged({ origins: [], burst: null, sustained: '9/1h', status: 'disabled' }),
    { type: 'IntegrationSecretRotated', ...ids, atMs: AT_MS, tokenHash: 'other' },
    { type: 'IntegrationDeleted', ...ids, atMs: LATER_MS },
  )
    .projected(integrations)
    .is({
      [id('int')]: {
        ...ofOrganization,
        projectId: id('prj'),
        name: 'web',
        origins: [],
        rateLimits: { burst: null, sustained: '9/1h' },
        status: 'disabled',
        createdAt: AT,
        deletedAt: LATER,
      },
    });
});

test('an endpoint has its newest settings, durations as people write them, and never its secret', () => {
  const settings = { url: 'https://subscriber.example/hook', events: ['log.*'], whenBusy: 'omit', gap: '5s' };
  const created = {
    ...ofOrganization,
    ...settings,
    maxQueued: 100,
    timeout: '2500ms',
    status: 'active',
    createdAt: AT,
  };
  given(facts.endpointCreated())
    .projected(endpoints)
    .is({ [id('ep')]: { ...created, retries: ['5s', '90s'] } });
  given(
    facts.endpointCreated(),
    facts.endpointChanged({ status: 'disabled', disabledReason: 'failing', gapMs: 0 }),
    facts.endpointChanged(),
    { type: 'EndpointDeleted', ...ofOrganization, endpointId: id('ep'), atMs: LATER_MS },
  )
    .projected(endpoints)
    .is({ [id('ep')]: { ...created, retries: [], deletedAt: LATER } });
});

test('a token has what it is good for, who made it, and when it was revoked', () => {
  given(facts.tokenCreated({ organizationId: null, expiresAtMs: LATER_MS }), {
    ...{ type: 'TokenRevoked', tokenId: id('tok'), organizationId: null, atMs: LATER_MS, by: 'root' },
  })
    .projected(tokens)
    .is({
      [id('tok')]: {
        ...{ name: 'ci', scopes: ['read'], createdAt: AT, createdBy: 'root' },
        ...{ expiresAt: LATER, deletedAt: LATER },
      },
    });
});

test('each change of configuration, and each pruning, is an entry of the audit, with who made it; a retry or a test is none', () => {
  const documents = project(audit, [
    facts.endpointCreated({ by: id('tok') }),
    { type: 'EndpointTestRequested', ...ofOrganization, ...ofWebhook, atMs: AT_MS, by: 'root' },
    facts.eventPublished({ by: 'root' }),
    facts.tokenCreated({ organizationId: null, by: 'cli:deploy' }),
    { type: 'OrganizationSecretRotated', ...ofOrganization, atMs: LATER_MS, secret: 'sealed' },
    { type: 'HistoryPruned', organizationId: null, beforeMs: AT_MS, atMs: LATER_MS, by: 'root' },
  ]);
  assert.deepEqual(
    [...documents.values()],
    [
      { at: AT, by: id('tok'), what: 'endpoint created', objectId: id('ep'), ...ofOrganization },
      { at: AT, by: 'cli:deploy', what: 'token created', objectId: id('tok') },
      { at: LATER, what: 'organization secret rotated', objectId: id('org'), ...ofOrganization },
      { at: LATER, by: 'root', what: `history pruned before ${AT}` },
    ],
  );
  assert.deepEqual([...documents.keys()].toSorted(), [...documents.keys()], 'in the order of the log');
});

test('an inbound webhook is pending, then processed or in error', () => {
  const pending = {
    ...ofOrganization,
    projectId: id('prj'),
    integrationId: id('int'),
    resource: 'logs',
    status: 'pending',
    receivedAt: AT,
    headers: { 'user-agent': 'sdk' },
    payload: '{"message":"é"}',
  };
  given(facts.logReceived())
    .projected(inboundWebhooks)
    .is({ [id('in')]: pending });
  given(facts.logReceived(), facts.logRecorded())
    .projected(inboundWebhooks)
    .is({ [id('in')]: { ...pending, status: 'processed', logId: id('log') } });
  given(facts.logReceived(), facts.inboundWebhookFailed())
    .projected(inboundWebhooks)
    .is({ [id('in')]: { ...pending, status: 'error', error: 'not JSON' } });
  given({ ...facts.logReceived(), type: 'DeployReceived' }, facts.deployRecorded())
    .projected(inboundWebhooks)
    .is({ [id('in')]: { ...pending, resource: 'deploys', status: 'processed', eventId: id('evt') } });
});

test('an inbound webhook is the same whichever topic comes first', () => {
  const received = facts.logReceived();
  for (const outcome of [facts.logRecorded(), facts.deployRecorded(), facts.inboundWebhookFailed()]) {
    const [one, other] = [
      project(inboundWebhooks, [received, outcome]),
      project(inboundWebhooks, [outcome, received]),
    ].map((documents) => canonicalJson(documents.get(id('in')) ?? {}));
    assert.equal(one, other);
    assert.doesNotMatch(one ?? '', /pending/);
  }
});

test('a log says what was recorded; tags, user and extra as the text they were', () => {
  given(facts.logRecorded({ tags: { b: '1', a: '2' }, stack: 'at x' }))
    .projected(logs)
    .is({
      [id('log')]: {
        ...ofOrganization,
        projectId: id('prj'),
        integrationId: id('int'),
        inboundWebhookId: id('in'),
        message: 'boom',
        level: 'error',
        type: 'TypeError',
        environment: 'production',
        fingerprint: 'f1',
        occurredAt: '2026-01-31T11:59:59.000Z',
        receivedAt: AT,
        recordedAt: '2026-01-31T12:00:00.002Z',
        stack: 'at x',
        tags: '{"b":"1","a":"2"}',
        user: '{"id":7}',
        extra: '{"n":1.0}',
      },
    });
});

test('triggers that are no logs keep their data byte for byte; logs are none', () => {
  given(facts.eventPublished(), facts.logRecorded(), facts.organizationCreated(), facts.scheduled())
    .projected(triggers)
    .is({ [id('evt')]: { ...ofOrganization, kind: 'order.paid', at: AT, data: '{"total":1.50}' } });
});

const delivery = {
  ...ofOrganization,
  endpointId: id('ep'),
  eventId: id('evt'),
  event: 'log.created',
  createdAt: AT,
};
const started = { number: 1, startedAt: AT };
const finishedAt = '2026-01-31T12:00:00.030Z';
const outcome = { number: 1, startedAt: '2026-01-31T12:00:00.001Z', durationMs: 29 };

test('a delivery is pending, is attempted, and is processed', () => {
  const due = { ...delivery, status: 'pending', attemptCount: 0, nextAttemptAt: AT };
  given(facts.scheduled())
    .projected(deliveries)
    .is({ [id('wh')]: due });
  const { nextAttemptAt: _due, ...attempted } = { ...due, attemptCount: 1, host: 'subscriber.example' };
  given(facts.scheduled(), facts.attemptStarted())
    .projected(deliveries)
    .is({ [id('wh')]: { ...attempted, attempts: { 1: started } } });
  const first = { ...outcome, responseCode: 200, responseBody: 'ok' };
  given(facts.scheduled(), facts.attemptStarted(), facts.processed())
    .projected(deliveries)
    .is({
      [id('wh')]: {
        ...attempted,
        status: 'processed',
        responseCode: 200,
        codeClass: '2xx',
        durationMs: 29,
        finishedAt,
        attempts: { 1: first },
      },
    });
});

test('a delivery keeps every attempt, and goes into error with the reason', () => {
  const failure = { error: 'status', detail: 'answered 500' };
  const timeout = { error: 'timeout', detail: 'no answer', responseCode: null, responseBody: null } as const;
  given(
    facts.scheduled(),
    facts.attemptStarted(),
    facts.attemptFailed({ nextAttemptAtMs: LATER_MS }),
    facts.attemptStarted({ attempt: 2, atMs: LATER_MS }),
    facts.attemptFailed({ attempt: 2, startedAtMs: LATER_MS, ...timeout }),
    facts.webhookFailed('no answer', LATER_MS),
  )
    .projected(deliveries)
    .is({
      [id('wh')]: {
        ...delivery,
        status: 'error',
        reason: 'no answer',
        attemptCount: 2,
        error: 'timeout',
        host: 'subscriber.example',
        durationMs: 29,
        finishedAt: LATER,
        failures: { [LATER]: 'no answer' },
        attempts: {
          1: { ...outcome, responseCode: 500, ...failure, nextAttemptAt: LATER, responseBody: 'oops' },
          2: { number: 2, startedAt: LATER, durationMs: 29, ...timeout, nextAttemptAt: null },
        },
      },
    });
});

test('a delivery that waits for its next attempt says when that is', () => {
  const events = [
    facts.scheduled(),
    facts.attemptStarted(),
    facts.attemptFailed({ nextAttemptAtMs: LATER_MS }),
  ];
  const {
    status,
    nextAttemptAt,
    responseCode,
    finishedAt: end,
  } = project(deliveries, events).get(id('wh')) ?? {};
  assert.deepEqual([status, nextAttemptAt, responseCode, end], ['pending', LATER, 500, undefined]);
});

test('an omitted delivery is finished at once, and says why and when it would have been free', () => {
  const end = { status: 'omitted', attemptCount: 0, finishedAt: AT };
  given(facts.omitted())
    .projected(deliveries)
    .is({
      [id('wh')]: {
        ...delivery,
        ...end,
        reason: 'gap',
        omittedFor: 'gap',
        freeAt: '2026-01-31T12:00:05.000Z',
      },
    });
  given(facts.omitted({ reason: 'disabled', freeAtMs: null }))
    .projected(deliveries)
    .is({ [id('wh')]: { ...delivery, ...end, reason: 'disabled', omittedFor: 'disabled' } });
});

test('an operator’s retry makes a finished delivery pending again, without its reason', () => {
  for (const before of [[facts.omitted()], [facts.scheduled(), facts.webhookFailed()]]) {
    const document = project(deliveries, [...before, facts.retried({ dueAtMs: LATER_MS })]).get(id('wh'));
    assert.deepEqual(
      [document?.status, document?.reason, document?.finishedAt, document?.nextAttemptAt],
      ['pending', undefined, undefined, LATER],
    );
  }
});

test('a projection takes something from each topic that it names, and nothing from another', () => {
  for (const projection of projections) {
    const { name, topics } = projection.definition;
    const taken = new Set(eventTypesOf(projection).map((type) => TOPIC_OF[type]));
    assert.deepEqual([...taken].sort(), [...topics].sort(), name);
  }
});

test('each event changes a view exactly if its type is one that the projection names', () => {
  for (const projection of projections) {
    const types = eventTypesOf(projection);
    for (const event of Object.values(EXAMPLES)) {
      const isDigest = event.type === 'WebhookScheduled' && event.digest !== null;
      if (projection === triggers && event.type === 'WebhookScheduled' && !isDigest) continue;
      const changes = changesOf(projection, event, { topic: TOPIC_OF[event.type], partition: 0, offset: 0 });
      assert.equal(
        changes.length > 0,
        types.includes(event.type),
        `${projection.definition.name} ${event.type}`,
      );
    }
  }
});

test('no view holds a secret or the hash of a token', () => {
  const events = [
    facts.organizationCreated(),
    facts.integrationCreated(),
    facts.endpointCreated(),
    facts.tokenCreated(),
  ];
  for (const projection of projections) {
    const text = JSON.stringify([...project(projection, events)]);
    assert.doesNotMatch(text, /sealed|"hash"/, projection.definition.name);
  }
});

test('of what came under an Idempotency-Key the hashes are known, of all else nothing', () => {
  const keyed = { ...facts.keyed(7) };
  given(
    facts.logReceived(keyed),
    { ...facts.logReceived({ ...keyed, id: id('in', 1) }), type: 'DeployReceived' },
    facts.eventPublished({ ...keyed, eventId: id('evt', 2) }),
    facts.logReceived({ id: id('in', 3) }),
    facts.eventPublished({ eventId: id('evt', 4) }),
  )
    .projected(idempotencyKeys)
    .is({ [id('key')]: keyed, [id('key', 1)]: keyed, [id('key', 2)]: keyed });
});
