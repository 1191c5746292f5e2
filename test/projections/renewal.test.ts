// Views of an older version: what serves goes on serving, until the one that is rebuilt beside it takes its place.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { logs } from '../../src/projections/logs.ts';
import { changesOf, type Projection } from '../../src/projections/projection.ts';
import { projectToEnd, startProjector } from '../../src/projections/projector.ts';
import { startRenewal } from '../../src/projections/renewal.ts';
import { processTime } from '../../src/time.ts';
import { openSqliteViews } from '../../src/views/sqlite.ts';
import type { Views } from '../../src/views/views.ts';
import { waitFor } from '../support/wait.ts';
import { id, logRecorded } from './facts.ts';
import { openStores } from './stores.ts';

/** The projection as a coming release may have it: it shouts. */
const LOUD: Projection = {
  definition: { ...logs.definition, version: logs.definition.version + 1 },
  on: {
    LogRecorded: (event, cause) =>
      changesOf(logs, event, cause).map(({ set = {}, ...change }) => {
        return { ...change, set: { ...set, message: String(set.message).toUpperCase() } };
      }),
  },
};
const LOGS = 3_000;

function open(t: TestContext, directory: string, projection: Projection): Views {
  const views = openSqliteViews({ directory, definitions: [projection.definition] });
  t.after(() => views.close());
  return views;
}

test('a view of an older version is rebuilt beside what serves, while events come in', async (t) => {
  const { directory, log, views: ofOlder } = openStores(t);
  const recorded = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => logRecorded({ inboundId: id('in', from + i) }));
  await log.append(recorded(0, LOGS));
  await projectToEnd({ log, views: ofOlder, projections: [logs] });

  const views = open(t, directory, LOUD);
  assert.equal(await views.isOutdated('logs'), true);
  const lines: { msg: string; view: string; events?: number }[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  const options = { log, views, projections: [LOUD], logger, time: processTime() };
  const projector = startProjector(options);
  const renewal = startRenewal(options);
  t.after(() => projector.close());
  t.after(() => renewal.close());
  let isOver = false;
  const ended = renewal.ended.then(() => {
    isOver = true;
  });
  for (let from = LOGS; !isOver; from += 10) {
    await log.append(recorded(from, 10));
    // Never fewer than there were: nobody sees the one that is being made.
    assert.ok((await views.count('logs')) >= LOGS);
  }
  await ended;
  assert.equal(await views.isOutdated('logs'), false);
  const [end = 0] = [(await log.ends('organizations')).reduce((sum, one) => sum + one, 0)];
  await waitFor('the projector to catch up', async () => (await views.count('logs')) === end);
  const [first] = await views.find('logs', { limit: 1 });
  assert.equal(first?.message, 'BOOM');
  assert.deepEqual(
    lines.map(({ view }) => view),
    ['logs', 'logs'],
  );
  assert.match(lines[0]?.msg ?? '', /is rebuilt for a new version/);
  assert.ok((lines[1]?.events ?? 0) >= LOGS);
});

test('of several processes one renews a view; when it is stopped, another does', async (t) => {
  const { directory, log, views: ofOlder } = openStores(t);
  await log.append(Array.from({ length: 10 }, (_, i) => logRecorded({ inboundId: id('in', i) })));
  await projectToEnd({ log, views: ofOlder, projections: [logs] });
  const [one, other] = [open(t, directory, LOUD), open(t, directory, LOUD)];
  const logger = pino({ level: 'silent' });
  const shadow = await one.shadow('logs');
  const renewal = startRenewal({ log, views: other, projections: [LOUD], logger, time: processTime() });
  t.after(() => renewal.close());
  // It finds that somebody is at it, and looks again later.
  await shadow.apply({ patches: [], positions: [] });
  assert.equal(await other.isOutdated('logs'), true);
  await shadow.drop();
  await renewal.ended;
  assert.equal(await one.isOutdated('logs'), false);
  assert.equal((await one.find('logs', { limit: 1 }))[0]?.message, 'BOOM');
});
