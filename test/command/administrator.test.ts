// The administrator on the embedded log: one decision after the other, each durable and known before the next.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fullAccess } from '../../src/command/access.ts';
import {
  type Administration,
  type Administrator,
  createAdministration,
} from '../../src/command/admin/administrator.ts';
import { NameTaken } from '../../src/command/admin/decision.ts';
import { createOrganization } from '../../src/command/admin/organization.ts';
import { createProject } from '../../src/command/admin/project.ts';
import { type Directory, openDirectory } from '../../src/command/directory.ts';
import { TooBusy } from '../../src/command/places.ts';
import { createScrubber } from '../../src/command/scrub.ts';
import { createDestinations } from '../../src/destinations.ts';
import { newId } from '../../src/ids.ts';
import type { Log } from '../../src/log/log.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { NotFound } from '../../src/query/errors.ts';
import { DEFAULT_SCRUB_RULES } from '../../src/scrub-rules.ts';
import { createSecretBox } from '../../src/secrets.ts';
import { ViewsUnavailable } from '../../src/views/views.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';

interface Started {
  log: Log;
  directory: Directory;
  administration: Administration;
  /** For who may do everything. */
  administrator: Administrator;
}

interface StartOptions {
  caughtUp?: () => Promise<void>;
  /** The directory follows the log no sooner. */
  followFrom?: Promise<void>;
}

async function start(
  t: TestContext,
  { caughtUp = async () => {}, followFrom }: StartOptions = {},
): Promise<Started> {
  const stops: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
  });
  const log = openSqliteLog({ directory: temporaryDirectory(t), serve: true });
  stops.push(() => log.close());
  const directory = await openDirectory({
    log: {
      read: log.read,
      async *follow(topic, options) {
        await followFrom;
        yield* log.follow(topic, options);
      },
    },
  });
  stops.push(() => directory.close());
  const destinations = createDestinations({ httpsOnly: false, allowAddresses: [] });
  const scrubber = createScrubber(DEFAULT_SCRUB_RULES);
  const settings = { destinations, burst: null, sustained: null, scrubber };
  const secrets = createSecretBox([Buffer.alloc(32)]);
  const clock = () => 1_700_000_000_000;
  const administration = createAdministration({ log, directory, secrets, clock, settings, caughtUp });
  const administrator = administration.for(fullAccess('root'));
  return { log, directory, administration, administrator };
}

test('of many decisions at once for the same name one is made', async (t) => {
  const { log, administrator } = await start(t);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, () =>
      administrator.run((context) => createOrganization(context, { name: 'acme' })),
    ),
  );
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  assert.equal(refused.length, 49);
  assert.ok(refused.every(({ reason }) => reason instanceof NameTaken));
  assert.deepEqual(await log.ends('organizations'), [1]);
});

test('a decision is answered when the directory knows of it, and no sooner', async (t) => {
  const { promise: followFrom, resolve: letFollow } = Promise.withResolvers<void>();
  const { log, directory, administrator } = await start(t, { followFrom });
  let known: number | undefined;
  const run = administrator
    .run((context) => createOrganization(context, { name: 'acme' }))
    .then(() => {
      known = directory.state.organizations.size;
    });
  await waitFor('the decision to be in the log', async () => (await log.ends('organizations'))[0] === 1);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(known, undefined);
  letFollow();
  await run;
  assert.equal(known, 1);
});

test('a decision that is made does not fail because the read models are away', async (t) => {
  let asked = 0;
  const { administrator } = await start(t, {
    async caughtUp() {
      asked++;
      throw new ViewsUnavailable('away');
    },
  });
  const made = await administrator.run((context) => createOrganization(context, { name: 'acme' }));
  assert.match(made.publicSecret, /^orgs_/);
  assert.equal(asked, 1);
});

test('a decision that throws holds up none that comes after it', async (t) => {
  const { administrator } = await start(t);
  const failed = administrator.run(() => {
    throw new RangeError('a bug');
  });
  const made = administrator.run((context) => createOrganization(context, { name: 'acme' }));
  await assert.rejects(failed, RangeError);
  assert.equal((await made).name, 'acme');
});

test('what is decided bears the name of who asked, and what he may not see is not there', async (t) => {
  const { log, directory, administration, administrator } = await start(t);
  const [own, other] = await Promise.all(
    ['own', 'other'].map((name) => administrator.run((context) => createOrganization(context, { name }))),
  );
  assert.ok(own && other);
  const organizationId = own.id;
  const bound = administration.for({ ...fullAccess('tok_1'), organizationId });
  const project = await bound.run((context) => createProject(context, own.id, { name: 'shop' }));
  await assert.rejects(
    bound.run((context) => createProject(context, other.id, { name: 'shop' })),
    NotFound,
  );
  await administrator.run((context) => createProject(context, other.id, { name: 'shop' }));
  const seen = await bound.run(({ state }) => ({
    event: undefined,
    answer: [[...state.organizations.values()], [...state.projects.values()]].map((things) => things.length),
  }));
  assert.deepEqual(seen, [1, 1]);
  assert.equal(directory.state.projects.size, 2);
  assert.equal(project.organizationId, own.id);
  const by: unknown[] = [];
  for await (const { events } of log.read('organizations'))
    by.push(...events.map(({ event }) => 'by' in event && event.by));
  assert.deepEqual(by, ['root', 'root', 'tok_1', 'root']);
});

test('so many decisions may wait, and more are refused at once', async (t) => {
  const { administrator } = await start(t);
  const runs = Array.from({ length: 1_001 }, () =>
    administrator.run(() => {
      throw new RangeError('decided');
    }),
  );
  const outcomes = await Promise.allSettled(runs);
  const reasons = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason);
  assert.ok(reasons.pop() instanceof TooBusy);
  assert.ok(reasons.every((reason) => reason instanceof RangeError));
  await assert.rejects(
    administrator.run(() => {
      throw new RangeError('decided again');
    }),
    RangeError,
  );
});

test('the tokens of one organization leave half of the places that wait to others', async (t) => {
  const { administration, administrator } = await start(t);
  const bound = administration.for({ ...fullAccess('tok_1'), organizationId: newId('org') });
  const runs = Array.from({ length: 501 }, () => bound.run(() => ({ event: undefined, answer: 'made' })));
  const outcomes = await Promise.allSettled([
    ...runs,
    administrator.run(() => ({ event: undefined, answer: 'made' })),
  ]);
  const refused = outcomes.flatMap((outcome, n) =>
    outcome.status === 'rejected' ? [{ n, ...outcome }] : [],
  );
  assert.deepEqual(
    refused.map(({ n, reason }) => [n, reason instanceof TooBusy]),
    [[500, true]],
  );
});
