// An organization that moves from one log to another, with something in every state.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sealedIn } from '../../src/command/admin/reseal.ts';
import { openDirectory } from '../../src/command/directory.ts';
import type { HooklaneEvent } from '../../src/events.ts';
import { type Log, LogUnavailable } from '../../src/log/log.ts';
import { createSecretBox, newSigningSecret } from '../../src/secrets.ts';
import { importOrganization } from '../../src/transfer/import.ts';
import { verify } from '../../src/verify/verify.ts';
import { openLog as openKafkaLog } from '../log/kafka-open.ts';
import { organizationCreated, projectCreated, tokenCreated } from '../projections/facts.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { missing, uniquePrefix } from '../support/engines.ts';
import { waitFor } from '../support/wait.ts';
import {
  documentsOf,
  eventsIn,
  exported,
  imported,
  livedThrough,
  OTHER,
  organizationId,
  outboundWhen,
  posted,
  secrets,
  serve,
  sqliteLog,
  textOf,
} from './moving.ts';

/** Where it may move to. */
const TARGETS: [name: string, skip: false | string, open: (t: TestContext) => Promise<Log>][] = [
  ['SQLite', false, async (t) => sqliteLog(t)],
  ['SQLite with four partitions', false, async (t) => sqliteLog(t, 4)],
  ['Kafka', missing('kafka'), (t) => openKafkaLog(t, { prefix: uniquePrefix(), partitions: 4 })],
];

for (const [name, skip, open] of TARGETS) {
  test(`to ${name}: the same documents, nothing twice, and what was pending goes on`, { skip }, async (t) => {
    const from = sqliteLog(t);
    const { good, bad, queue } = await livedThrough(t, from);
    const before = await documentsOf(t, from);
    assert.equal(before.deliveries?.length, 9);
    const path = await exported(t, from);
    assert.ok(!(await textOf(path)).includes(OTHER), 'nothing of others is in it');
    const sent = { good: good.arrivals.length, bad: bad.arrivals.length };

    const to = await open(t);
    const target = serve(to);
    t.after(() => target.stop());
    const result = await imported(path, to);
    assert.deepEqual(
      [result.inbound, result.pending, result.waiting, result.unrecorded],
      [3, 5, 2, 2],
      'two are queued, three are to be tried again',
    );
    // Two triggers were waiting, and two posts become two more, each for three endpoints; one of which is tried at once.
    const more = 4 * (3 + 2);
    const outbound = await outboundWhen(to, result.outbound + more);
    await target.stop();
    assert.equal((await eventsIn(to, 'outbound')).length, result.outbound + more);
    assert.deepEqual(outbound.slice(0, result.outbound), await eventsIn(from, 'outbound'));

    const after = await documentsOf(t, to);
    for (const view of ['projects', 'integrations', 'endpoints'])
      assert.deepEqual(after[view], before[view], view);
    for (const view of ['logs', 'triggers', 'deliveries'])
      assert.deepEqual(
        before[view]?.filter((text) => !after[view]?.includes(text)),
        [],
        view,
      );
    assert.equal(after.logs?.length, 5);
    assert.ok(after.inboundWebhooks?.every((text) => text.includes('"status":"processed"')));
    assert.equal(after.inboundWebhooks?.length, 5);
    assert.equal(good.arrivals.length, sent.good, 'the gap of an hour holds');
    assert.equal(bad.arrivals.length, sent.bad + 4, 'what failed waits for its hour');

    const lanes = await eventsIn(to, 'lanes');
    const queued = lanes.filter(
      (record) => record.type === 'PendingSaved' && record.endpointId === queue.endpointId,
    );
    assert.equal(queued.length, 2 + 4);
    assert.deepEqual((await verify({ log: to })).findings, []);
    const again = await imported(path, to);
    assert.deepEqual([again.wasThere, again.resumed], [true, false]);
  });
}

/** A log whose `n`th append() fails, after it has written this part of the events. */
function cutOff(log: Log, n: number, part: number): Pick<Log, 'partitions' | 'read' | 'append' | 'served'> {
  let left = n;
  return {
    partitions: log.partitions,
    read: (topic, options) => log.read(topic, options),
    served: () => log.served(),
    async append(events) {
      if (--left !== 0) return log.append(events);
      const written = events.slice(0, Math.ceil(part * events.length));
      if (written.length > 0) await log.append(written);
      throw new LogUnavailable('cut off');
    },
  };
}

for (const [name, skip, open] of TARGETS.slice(1)) {
  test(`to ${name}: an import that is cut off at any append is completed by the next one`, { skip }, (t) =>
    cutOffAnywhere(t, open),
  );
}

/** The mark, history, state, what is to be recorded, the mark. */
const APPENDS = 5;

async function cutOffAnywhere(t: TestContext, open: (t: TestContext) => Promise<Log>): Promise<void> {
  const from = sqliteLog(t);
  await livedThrough(t, from);
  const path = await exported(t, from);
  let expected: Record<string, string[]> | undefined;
  for (let n = 1; n <= APPENDS; n++) {
    for (const part of [0, 0.4, 1]) {
      const to = await open(t);
      // Beside a server as well: what it takes in so far, it sends nothing of.
      const served = part === 0.4 ? serve(to) : undefined;
      const cut = `append ${n}, ${part} of it`;
      await assert.rejects(imported(path, cutOff(to, n, part)), LogUnavailable, cut);
      assert.deepEqual((await verify({ log: to })).findings, [], cut);
      const { resumed, wasThere } = await imported(path, to);
      const isDone = n === APPENDS && part > 0;
      assert.deepEqual([resumed, wasThere], [!isDone && (n > 1 || part > 0), isDone], cut);
      await served?.stop();
      assert.deepEqual((await verify({ log: to })).findings, [], cut);
      const events = await eventsIn(to, 'organizations');
      assert.equal(events.filter(({ type }) => type === 'OrganizationImportEnded').length, 1, cut);
      const came = events.filter((event) => event.type === 'LogRecorded' && event.inboundPartition === null);
      assert.equal(came.length, 3, cut);
      const received = (await eventsIn(to, 'inbound')) as { id: string }[];
      assert.deepEqual([received.length, new Set(received.map(({ id }) => id)).size], [5, 5], cut);
      if (served !== undefined) continue;
      const documents = await documentsOf(t, to);
      expected ??= documents;
      assert.deepEqual(documents, expected, cut);
    }
  }
}

test('what was exported anew, and is the same, goes on with an import that was cut off', async (t) => {
  const from = sqliteLog(t);
  await livedThrough(t, from);
  const to = sqliteLog(t);
  await assert.rejects(imported(await exported(t, from), cutOff(to, 3, 0)), LogUnavailable);
  const path = await exported(t, from);
  assert.equal((await imported(path, to)).resumed, true);
  await from.append([posted('one more')]);
  assert.match(await refusal(await exported(t, from), to), /is here already, imported from another file/);
  const begun = sqliteLog(t);
  await assert.rejects(imported(path, cutOff(begun, 3, 0)), LogUnavailable);
  assert.match(await refusal(await exported(t, from), begun), /was begun with another file/);
});

test('nobody else can go on with an import that has been taken over', async (t) => {
  const from = sqliteLog(t);
  await livedThrough(t, from);
  const path = await exported(t, from);
  const to = sqliteLog(t);
  let isFirst = true;
  const slow = {
    ...cutOff(to, -1, 1),
    async append(events: readonly HooklaneEvent[]) {
      const positions = await to.append(events);
      if (isFirst) await imported(path, to);
      isFirst = false;
      return positions;
    },
  };
  await assert.rejects(imported(path, slow), /another process has taken the import of org_\w+ over/);
  assert.equal((await documentsOf(t, to)).logs?.length, 3);
});

async function refusal(path: string, log: Log, box = secrets): Promise<string> {
  const ends = await log.ends('organizations');
  const options = { log, path, secrets: box, nowMs: 0, runId: 'r', by: 'root' };
  const error = await importOrganization(options).then(
    () => assert.fail('it was imported'),
    (refused: Error & { code?: string }) => refused,
  );
  assert.equal(error.code, 'TRANSFER_REFUSED', error.stack);
  assert.deepEqual(await log.ends('organizations'), ends, 'nothing was written');
  return error.message;
}

test('a file that is cut, changed, foreign or of another key is refused before anything is written', async (t) => {
  const from = sqliteLog(t);
  await livedThrough(t, from);
  const path = await exported(t, from);
  const to = sqliteLog(t);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const other = join(temporaryDirectory(t), 'other.ndjson');
  const withLines = async (changed: readonly string[], end = '\n') => {
    writeFileSync(other, changed.join('\n') + end);
    return refusal(other, to);
  };
  assert.match(await withLines(lines.slice(0, -1)), /cut: its last line is missing/);
  assert.match(await withLines(lines.slice(0, 4)), /cut: its last line is missing/);
  assert.match(await withLines(lines, ''), /cut: its last line is missing/);
  assert.match(await withLines([...lines, lines[3] ?? '']), /something stands behind the end/);
  assert.match(await withLines(lines.toSpliced(3, 1)), /checksum/);
  assert.match(await withLines(lines.with(1, (lines[1] ?? '').replace('acme', 'acne'))), /checksum/);
  assert.match(await withLines(lines.with(2, '{"a":')), /^line 3: not a JSON object/);
  assert.match(
    await withLines(lines.with(2, (lines[2] ?? '').replace(organizationId, OTHER))),
    /^line 3: this is of/,
  );
  assert.match(
    await withLines(lines.with(0, (lines[0] ?? '').replace('"format":1', '"format":2'))),
    /format 2/,
  );
  assert.match(await withLines(['{"hello":1}']), /no export of Hooklane/);
  assert.match(await withLines(['PK\u0003']), /no export of Hooklane/);
  assert.match(await withLines([], ''), /empty/);
  const otherBox = createSecretBox([Buffer.alloc(32, 2)]);
  assert.match(await refusal(path, to, otherBox), /sealed under another master key/);
});

test('tokens for administration let in where they were made alone: none is exported, and none imported', async (t) => {
  const from = sqliteLog(t);
  const made = tokenCreated({ organizationId, tokenHash: 'hash of an admin token' });
  await from.append([made]);
  await livedThrough(t, from);
  await from.append([{ type: 'TokenRevoked', tokenId: made.tokenId, organizationId, atMs: 0, by: 'root' }]);
  const path = await exported(t, from);
  const text = await textOf(path);
  assert.doesNotMatch(text, /Token(Created|Revoked)|an admin token/);
  const [header = '', ...lines] = text.split('\n');
  const line = JSON.stringify({ topic: 'organizations', ...made });
  writeFileSync(path, [header, line, ...lines].join('\n'));
  assert.match(await refusal(path, sqliteLog(t)), /^line 2: TokenCreated may not be in a file/);
});

test('an organization, a project or a token that is here already is refused', async (t) => {
  const from = sqliteLog(t);
  await livedThrough(t, from);
  const path = await exported(t, from);
  assert.match(await refusal(path, from), /org_\w+ is here already/);
  const to = sqliteLog(t);
  const line = readFileSync(path, 'utf8')
    .split('\n')
    .find((text) => text.includes('ProjectCreated'));
  const { projectId } = JSON.parse(line ?? '{}');
  const [other, project] = [organizationCreated({ organizationId: OTHER }), projectCreated({ projectId })];
  await to.append([other, { ...project, organizationId: OTHER }]);
  assert.match(await refusal(path, to), /^prj_\w+ belongs to org_\w+ here/);
});

test('what was imported can be exported again, and moves on', async (t) => {
  const from = sqliteLog(t);
  await livedThrough(t, from);
  const between = sqliteLog(t, 2);
  await imported(await exported(t, from), between);
  await assert.rejects(
    exported(t, between),
    /the dispatcher has not taken it in yet: start the server first/,
  );
  const system = serve(between);
  await waitFor('all to be recorded', async () => {
    const events = await eventsIn(between, 'organizations');
    return events.filter(({ type }) => type === 'LogRecorded').length === 5;
  });
  const [end = 0] = [(await eventsIn(between, 'organizations')).length];
  await waitFor('all to be taken in', async () => {
    const positions = await between.positions('dispatcher', 'organizations');
    return positions.reduce((sum, position) => sum + position, 0) === end;
  });
  await system.stop();
  const to = sqliteLog(t);
  const { unrecorded, waiting, inbound } = await imported(await exported(t, between), to);
  assert.deepEqual([unrecorded, waiting, inbound], [0, 0, 5]);
  const [there, here] = [await documentsOf(t, between), await documentsOf(t, to)];
  assert.deepEqual(here, there);
});

test('beside a server that goes on, the file is of one moment', async (t) => {
  const from = sqliteLog(t, 2);
  await livedThrough(t, from);
  const system = serve(from);
  t.after(() => system.stop());
  let isOver = false;
  const posting = (async () => {
    while (!isOver) {
      const { length } = await eventsIn(from, 'outbound');
      await from.append([posted('meanwhile')]);
      await outboundWhen(from, length + 1);
    }
  })();
  try {
    for (let n = 0; n < 3; n++) {
      const to = sqliteLog(t);
      const result = await imported(await exported(t, from), to);
      const documents = await documentsOf(t, to);
      assert.equal(documents.inboundWebhooks?.length, result.inbound + result.unrecorded);
      const pending = documents.deliveries?.filter((text) => text.includes('"status":"pending"'));
      assert.equal(pending?.length, result.pending);
    }
  } finally {
    isOver = true;
    await posting;
  }
});

test('after a rotation the new master key alone is enough to import', async (t) => {
  const from = sqliteLog(t);
  await livedThrough(t, from);
  const before = (await eventsIn(from, 'organizations')).filter(
    (event) => event.organizationId === organizationId,
  );
  const endpoint = before.find((event) => event.type === 'EndpointCreated') ?? assert.fail();
  const [atMs, secret] = [Date.now() - 2_000, secrets.seal(newSigningSecret())];
  // Signs no more, and is not sealed anew.
  const expired = endpoint.secret;
  const ids = { organizationId, endpointId: endpoint.endpointId, by: 'root' };
  await from.append([{ type: 'EndpointSecretRotated', ...ids, atMs, secret, previousUntilMs: atMs + 1_000 }]);
  const rotated = createSecretBox([Buffer.alloc(32, 3), Buffer.alloc(32, 1)]);
  const anew: Record<string, string> = { [secret]: rotated.seal(rotated.open(secret)) };
  for (const event of before) {
    if (!('secret' in event) || event.secret === null || event.secret === expired) continue;
    anew[event.secret] = rotated.seal(rotated.open(event.secret));
  }
  await from.append([{ type: 'SecretsResealed', organizationId, atMs: Date.now(), secrets: anew }]);
  const newBox = createSecretBox([Buffer.alloc(32, 3)]);
  // The dispatcher has not taken it in: the lane has secrets as they were sealed before.
  assert.match(await refusal(await exported(t, from), sqliteLog(t), newBox), /another master key/);
  const system = serve(from, rotated);
  await waitFor('it to be taken in', async () => {
    const lanes = JSON.stringify(await eventsIn(from, 'lanes'));
    return Object.keys(anew).every((before) => !lanes.includes(before));
  });
  await system.stop();
  const to = sqliteLog(t);
  const path = await exported(t, from);
  await imported(path, to, newBox);
  const directory = await openDirectory({ log: to });
  t.after(() => directory.close());
  const sealed = [...sealedIn(directory.state, Date.now())].map((one) => one.sealed);
  assert.deepEqual(new Set(sealed), new Set(Object.values(anew)));

  const ofThen = await exported(t, from, atMs);
  assert.ok((await textOf(ofThen)).split(expired).length > (await textOf(path)).split(expired).length);
  await imported(ofThen, sqliteLog(t), newBox);
});
