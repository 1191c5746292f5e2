// Another inbound resource is one file and one line: what is listed has a route, and a recorder that knows it.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { inboundResources } from '../../src/command/resources.ts';
import { record } from '../../src/record/record.ts';
import { startApi } from './api.ts';

/** For each resource a body that it takes. A new one needs a line here too, or the tests below say so. */
const TAKEN: Record<string, object> = { logs: { message: 'boom' }, deploys: { version: '1.2.3' } };

test('each file of a resource is listed, once', () => {
  const directory = new URL('../../src/command/resources/', import.meta.url);
  const files = readdirSync(directory).filter((file) => file !== 'resource.ts');
  const paths = inboundResources.map(({ path }) => path);
  assert.deepEqual(paths.toSorted(), files.map((file) => file.replace(/\.ts$/, '')).toSorted());
  assert.equal(new Set(inboundResources.map(({ event }) => event)).size, inboundResources.length);
  assert.deepEqual(Object.keys(TAKEN).toSorted(), paths.toSorted());
});

test('each resource has a route, whose posts become its event, of which the recorder makes something', async (t) => {
  const { call, events, ...api } = await startApi(t);
  const { token } = await api.integration({ rateLimits: { burst: null, sustained: null } });
  for (const { path, event: type } of inboundResources) {
    const { status } = await call(`/api/v1/webhooks/${path}`, { token, json: TAKEN[path] });
    assert.equal(status, 201, path);
    const received = (await events('inbound')).find((event) => event.type === type);
    assert.ok(received !== undefined, `no ${type} in the log`);
    const recorded = record(received, { nowMs: 1_700_000_000_000, partition: 0, offset: 0 });
    assert.notEqual(recorded.type, 'InboundWebhookFailed', path);
    assert.ok('inboundId' in recorded && recorded.inboundId === received.id);
  }
});

test('each resource refuses what is no object', async (t) => {
  const { call, ...api } = await startApi(t);
  const { token } = await api.integration();
  for (const { path } of inboundResources) {
    for (const json of [[], 'text', 7, null, true]) {
      assert.equal((await call(`/api/v1/webhooks/${path}`, { token, json })).status, 422, path);
    }
  }
});
