// The admin API: what is changed, rotated, deleted, published and tried again holds at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '../support/wait.ts';
import { ENDPOINT, LOGS, ORGANIZATIONS, startApi, startWithOrganization } from './api.ts';
import { assertProblem } from './client.ts';

test('PATCH changes what it is given and leaves the rest', async (t) => {
  const { call, ok, organization, ...api } = await startWithOrganization(t);
  const { signingSecret: _, ...endpoint } = await ok(`${organization}/endpoints`, { json: ENDPOINT });
  const path = `/api/v1/endpoints/${endpoint.id}`;
  const patch = (json: unknown) => ok(path, { method: 'PATCH', json });
  assert.deepEqual(await patch({ gap: '1s', retries: ['5s'] }), { ...endpoint, gap: '1s', retries: ['5s'] });
  assert.deepEqual(
    await patch({ gap: '5s', retries: ['5s', '30s', '5m', '30m', '2h', '5h', '10h', '10h'] }),
    endpoint,
  );
  assert.deepEqual(await patch({}), endpoint);
  const disabled = await patch({ status: 'disabled' });
  assert.equal(disabled.status, 'disabled');
  assert.ok(disabled.disabledReason);
  assert.deepEqual(await patch({ status: 'active' }), endpoint);
  assertProblem(await call(path, { method: 'PATCH', json: { events: [] } }), 422);
  assert.deepEqual(await ok(path), endpoint);

  const { integrationId } = await api.integration({ origins: ['https://a.example'] });
  const changed = await ok(`/api/v1/integrations/${integrationId}`, {
    method: 'PATCH',
    json: { rateLimits: { burst: null }, name: 'other' },
  });
  assert.deepEqual(changed.rateLimits, { burst: null, sustained: '100/1h' });
  assert.deepEqual(changed.origins, ['https://a.example']);
  assert.equal(changed.name, 'other');
});

test('of any setting that is changed alone all others stay', async (t) => {
  const { ok, organization } = await startWithOrganization(t);
  const settings = { gap: '1s', timeout: '2s', retries: ['3s', '4s'], whenBusy: 'omit', status: 'disabled' };
  const made = await ok(`${organization}/endpoints`, { json: { ...ENDPOINT, ...settings } });
  const { signingSecret: _, ...endpoint } = made;
  const others = { url: 'https://b.example/', events: ['*'], gap: '6s', timeout: '7s', retries: ['8s'] };
  for (const [field, value] of Object.entries({ ...others, whenBusy: 'queue', maxQueued: 3 })) {
    const path = `/api/v1/endpoints/${endpoint.id}`;
    const changed = await ok(path, { method: 'PATCH', json: { [field]: value } });
    assert.deepEqual(changed, { ...endpoint, [field]: value }, field);
    assert.deepEqual(await ok(path), changed);
    await ok(path, { method: 'PATCH', json: { [field]: endpoint[field] } });
  }
});

test('what is renamed is found under its new name alone', async (t) => {
  const { call, ok, organization } = await startWithOrganization(t);
  const renamed = await ok(organization, {
    method: 'PATCH',
    json: { name: `${'🚀'.repeat(90)} & ö / ?` },
  });
  assert.deepEqual(Object.keys(renamed).sort(), ['createdAt', 'id', 'name', 'sentLastWebhookAt']);
  const byName = `${ORGANIZATIONS}/${encodeURIComponent(renamed.name ?? '')}`;
  assert.equal((await ok(byName)).id, renamed.id);
  assert.equal((await call(`${byName}/projects`, { json: { name: 'shop' } })).status, 201);
  assertProblem(await call(`${ORGANIZATIONS}/acme`), 404);
  await ok(ORGANIZATIONS, { json: { name: 'acme' } });
});

test('what takes no input refuses one', async (t) => {
  const { call, organization, ...api } = await startWithOrganization(t);
  const { integrationId } = await api.integration();
  for (const path of [organization, `/api/v1/integrations/${integrationId}`])
    for (const json of [{ grace: '24h' }, [1]])
      assertProblem(await call(`${path}/rotate-secret`, { json }), 422);
});

test('a secret that is rotated holds at once, the old one no longer', async (t) => {
  const { call, ok, events, secrets, organization, ...api } = await startWithOrganization(t);
  const { token, integrationId } = await api.integration();
  const rotated = await ok(`/api/v1/integrations/${integrationId}/rotate-secret`, { method: 'POST' });
  assert.equal(rotated.id, integrationId);
  assertProblem(await call(LOGS, { token, json: {} }), 401);
  assert.equal((await call(LOGS, { token: rotated.publicSecret ?? '', json: {} })).status, 201);

  const { publicSecret } = await ok(`${organization}/rotate-secret`, { method: 'POST' });
  const organizationRotated = (await events('organizations')).at(-1);
  assert.ok(organizationRotated?.type === 'OrganizationSecretRotated');
  assert.equal(secrets.open(organizationRotated.secret), publicSecret);

  const endpoint = await ok(`${organization}/endpoints`, { json: ENDPOINT });
  const { signingSecret } = await ok(`/api/v1/endpoints/${endpoint.id}/rotate-secret`, { method: 'POST' });
  assert.notEqual(signingSecret, endpoint.signingSecret);
  const endpointRotated = (await events('organizations')).at(-1);
  assert.ok(endpointRotated?.type === 'EndpointSecretRotated');
  assert.equal(secrets.open(endpointRotated.secret), signingSecret);
});

test('what is deleted is gone at once, with all that belongs to it', async (t) => {
  const { call, ok, ...api } = await startApi(t);
  const { token, organizationId, projectId, integrationId } = await api.integration();
  const endpoint = await ok(`${ORGANIZATIONS}/${organizationId}/endpoints`, { json: ENDPOINT });
  const { status, body } = await call(`${ORGANIZATIONS}/${organizationId}`, { method: 'DELETE' });
  assert.deepEqual([status, body], [204, undefined]);
  assertProblem(await call(LOGS, { token, json: {} }), 401);
  for (const path of [
    `organizations/${organizationId}`,
    `projects/${projectId}`,
    `integrations/${integrationId}`,
    `endpoints/${endpoint.id}`,
  ]) {
    assertProblem(await call(`/api/v1/${path}`), 404);
    assertProblem(await call(`/api/v1/${path}`, { method: 'DELETE' }), 404);
    assertProblem(await call(`/api/v1/${path}`, { method: 'PATCH', json: { name: 'x' } }), 404);
  }
  for (const list of ['organizations', 'projects', 'integrations', 'endpoints']) {
    assert.deepEqual(await ok(`/api/v1/${list}`), { items: [], cursor: null });
  }
});

test('a single project, integration or endpoint is deleted, and its name is free again', async (t) => {
  const { call, ok, organization, ...api } = await startWithOrganization(t);
  const { token, projectId, integrationId } = await api.integration();
  await ok(`/api/v1/integrations/${integrationId}`, { method: 'DELETE' });
  assertProblem(await call(LOGS, { token, json: {} }), 401);
  const made = await ok(`/api/v1/projects/${projectId}/integrations`, { json: { name: 'node' } });
  await ok(`/api/v1/projects/${projectId}`, { method: 'DELETE' });
  assertProblem(await call(LOGS, { token: made.publicSecret ?? '', json: {} }), 401);
  const endpoint = await ok(`${organization}/endpoints`, { json: ENDPOINT });
  await ok(`/api/v1/endpoints/${endpoint.id}`, { method: 'DELETE' });
  assert.deepEqual(await ok(`${organization}/endpoints`), { items: [], cursor: null });
});

test('an event that is published stands in the log with its data', async (t) => {
  const { call, events, organization } = await startWithOrganization(t);
  const data = { order: 7, text: 'ü' };
  const { status, body } = await call(`${organization}/events`, { json: { kind: 'order.paid', data } });
  assert.equal(status, 201);
  assert.deepEqual(Object.keys(body ?? {}), ['id']);
  const event = (await events('organizations')).at(-1);
  assert.ok(event?.type === 'EventPublished');
  assert.deepEqual([event.eventId, event.kind, JSON.parse(event.data)], [body?.id, 'order.paid', data]);
  for (const json of [null, 0, false, '', []]) {
    assert.equal((await call(`${organization}/events`, { json: { kind: 'a', data: json } })).status, 201);
  }
});

test('secrets are taken out of what is published before it is stored', async (t) => {
  const { ok, events, organization } = await startWithOrganization(t);
  const data = { order: 7, resetToken: 'hush', link: 'https://shop.example/?token=hush' };
  await ok(`${organization}/events`, { json: { kind: 'order.paid', data } });
  const event = (await events('organizations')).at(-1);
  assert.ok(event?.type === 'EventPublished');
  assert.equal(
    event.data,
    '{"order":7,"resetToken":"[Filtered]","link":"https://shop.example/?token=[Filtered]"}',
  );
});

test('a delivery in error is retried; one that is pending, or is not there, is not', async (t) => {
  const { call, events, log, ok, organization } = await startWithOrganization(t);
  const endpoint = await ok(`${organization}/endpoints`, { json: ENDPOINT });
  const { id: eventId } = await ok(`${organization}/events`, {
    json: { kind: 'order.paid', data: { a: 1 } },
  });
  const ids = {
    webhookId: 'wh_01J00000000000000000000000',
    organizationId: organization.slice(ORGANIZATIONS.length + 1) as `org_${string}`,
    endpointId: endpoint.id as `ep_${string}`,
  } as const;
  const cause = { eventId: eventId as `evt_${string}`, kind: 'order.paid' };
  const delivery = `/api/v1/deliveries/${ids.webhookId}`;
  await log.append([{ type: 'WebhookScheduled', ...ids, ...cause, atMs: 1, dueAtMs: 1, digest: null }]);
  await log.append([{ type: 'AttemptStarted', ...ids, attempt: 1, atMs: 1, startsAtMs: null, host: null }]);
  await shown('pending');
  const before = (await events('organizations')).length;
  const asPending = await call(`${delivery}/retry`, { method: 'POST' });
  assert.deepEqual([asPending.status, asPending.body], [202, { id: ids.webhookId, status: 'pending' }]);
  assert.equal((await events('organizations')).length, before, 'what is pending already stays as it is');
  await log.append([{ type: 'WebhookFailed', ...ids, atMs: 2, reason: 'answered 500' }]);
  await shown('error');
  const { status, body } = await call(`${delivery}/retry`, { method: 'POST' });
  assert.deepEqual([status, body], [202, { id: ids.webhookId, status: 'pending' }]);
  const event = (await events('organizations')).at(-1);
  assert.ok(event?.type === 'WebhookRetryRequested');
  assert.equal(event.attemptCount, 1);
  assert.deepEqual(JSON.parse(event.body.toString()).data, { a: 1 });
  for (const id of ['wh_01J00000000000000000000009', 'nothing']) {
    assertProblem(await call(`/api/v1/deliveries/${id}/retry`, { method: 'POST' }), 404);
  }

  /** Waits for the read models to have taken in what was appended beside the API. */
  async function shown(expected: string): Promise<void> {
    await waitFor(`status ${expected}`, async () => (await call(delivery)).body?.status === expected);
  }
});

test('a new signing secret has a grace in which the one before signs as well, a day unless it is said', async (t) => {
  const { ok, call, organization, events } = await startWithOrganization(t);
  const { id } = await ok(`${organization}/endpoints`, { json: ENDPOINT });
  const rotate = `/api/v1/endpoints/${id}/rotate-secret`;
  const graceOf = async () => {
    const event = (await events('organizations')).at(-1);
    assert.ok(event?.type === 'EndpointSecretRotated');
    return event.previousUntilMs === null ? null : event.previousUntilMs - event.atMs;
  };
  await ok(rotate, { method: 'POST' });
  assert.equal(await graceOf(), 86_400_000);
  const { previousSecretUntil } = await ok(rotate, { json: { grace: '2h' } });
  assert.equal(await graceOf(), 7_200_000);
  assert.ok(Math.abs(Date.parse(String(previousSecretUntil)) - Date.now() - 7_200_000) < 60_000);
  assert.equal((await ok(rotate, { json: { grace: '0s' } })).previousSecretUntil, null);
  assert.equal(await graceOf(), null);
  assertProblem(await call(rotate, { json: { grace: '31d' } }), 422);
});

test('a test of an endpoint is a webhook to look for, and none for a disabled one', async (t) => {
  const { ok, call, organization, events } = await startWithOrganization(t);
  const { id } = await ok(`${organization}/endpoints`, { json: ENDPOINT });
  const { status, body } = await call(`/api/v1/endpoints/${id}/test`, { method: 'POST' });
  assert.deepEqual([status, body?.status, body?.endpointId], [202, 'pending', id]);
  const event = (await events('organizations')).at(-1);
  assert.ok(event?.type === 'EndpointTestRequested');
  assert.equal(event.webhookId, body?.id);
  await ok(`/api/v1/endpoints/${id}`, { method: 'PATCH', json: { status: 'disabled' } });
  assertProblem(await call(`/api/v1/endpoints/${id}/test`, { method: 'POST' }), 409);
});
