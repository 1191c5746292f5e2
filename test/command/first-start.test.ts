import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fullAccess } from '../../src/command/access.ts';
import { createAdministration } from '../../src/command/admin/administrator.ts';
import { createDefaults } from '../../src/command/first-start.ts';
import { createScrubber } from '../../src/command/scrub.ts';
import { createDestinations } from '../../src/destinations.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { DEFAULT_SCRUB_RULES } from '../../src/scrub-rules.ts';
import { processTime } from '../../src/time.ts';
import { type Api, startApi } from './api.ts';

/** The administrator of an API, with a log that counts what is appended. */
function administratorOf({ log, directory, secrets }: Api) {
  const appends: number[] = [];
  const counted = {
    ...log,
    append: (events: Parameters<typeof log.append>[0]) => {
      appends.push(events.length);
      return log.append(events);
    },
  };
  const destinations = createDestinations({ httpsOnly: false, allowAddresses: [] });
  const scrubber = createScrubber(DEFAULT_SCRUB_RULES);
  const settings = { destinations, burst: '3/6s', sustained: '100/1h', scrubber };
  const caughtUp = async () => {};
  const options = { log: counted, directory, secrets, clock: processTime().now, settings, caughtUp };
  return { administrator: createAdministration(options).for(fullAccess('start')), appends };
}

test('on an empty store an organization, a project and an integration are made, in one step', async (t) => {
  const api = await startApi(t);
  const { administrator, appends } = administratorOf(api);
  const defaults = await createDefaults(api.directory, administrator);
  assert.deepEqual(appends, [3]);
  const made = (await api.events('organizations')).map(
    (event) => 'name' in event && 'by' in event && [event.type, event.name, event.by],
  );
  assert.deepEqual(made, [
    ['OrganizationCreated', 'default', 'start'],
    ['ProjectCreated', 'default', 'start'],
    ['IntegrationCreated', 'default', 'start'],
  ]);
  const { status } = await api.call('/api/v1/webhooks/logs', { token: defaults?.token ?? '', json: {} });
  assert.equal(status, 201);
  assert.equal((await api.ok('/api/v1/organizations/default')).id, defaults?.organizationId);
});

test('where there is an organization nothing is made', async (t) => {
  const api = await startApi(t);
  await api.ok('/api/v1/organizations', { json: { name: 'acme' } });
  const { administrator, appends } = administratorOf(api);
  assert.equal(await createDefaults(api.directory, administrator), undefined);
  assert.deepEqual(appends, []);
});

test('what another process makes between the look and the decision is not made again', async (t) => {
  const api = await startApi(t);
  const { administrator, appends } = administratorOf(api);
  const late: typeof administrator = {
    async run(decide) {
      await api.ok('/api/v1/organizations', { json: { name: 'default' } });
      return administrator.run(decide);
    },
  };
  assert.equal(await createDefaults(api.directory, late), undefined);
  assert.deepEqual(appends, []);
});

test('a first start that cannot be written is a first start again', async (t) => {
  const api = await startApi(t);
  const { administrator } = administratorOf(api);
  const { append } = api.log;
  api.log.append = () => Promise.reject(new LogUnavailable('full'));
  await assert.rejects(createDefaults(api.directory, administrator), LogUnavailable);
  api.log.append = append;
  assert.ok(await createDefaults(api.directory, administrator));
});
