import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '../../src/ids.ts';
import { openSqliteLog } from '../../src/log/sqlite.ts';
import { createSecretBox, newSigningSecret } from '../../src/secrets.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { ANSWER_OK, startRawReceiver } from '../support/raw-receiver.ts';
import { startReceiver } from '../support/receiver.ts';
import { waitFor } from '../support/wait.ts';
import { configured, outbound, published, secrets, start, startFor, startsIn, typesWhen } from './running.ts';
import { endpointCreated, organizationCreated, organizationId } from './story.ts';

test('a trigger reaches its subscriber, and the log tells how', async (t) => {
  const { log } = startFor(t);
  const { url, arrivals } = await startReceiver(t);
  await log.append([...configured(url), published()]);
  assert.deepEqual(await typesWhen(log, 3), ['WebhookScheduled', 'AttemptStarted', 'WebhookProcessed']);
  assert.equal(arrivals.length, 1);
  const { id, type, organizationId: told, data } = JSON.parse(arrivals[0]?.body ?? '');
  assert.deepEqual({ type, told, data }, { type: 'log.created', told: organizationId, data: { a: 1 } });
  assert.match(id, /^evt_/);
});

test('while a webhook is due soon fewer events are taken in a turn, as it would wait for all of them', async (t) => {
  const asked: number[] = [];
  const { log, stop } = start(temporaryDirectory(t), (max) => asked.push(max));
  t.after(() => stop());
  const { url } = await startReceiver(t);
  await log.append([...configured(url, { gapMs: 120, whenBusy: 'queue' }), published(), published()]);
  await typesWhen(log, 6);
  await waitFor('it asks for many again', async () => asked.at(-1) === 500);
  assert.equal(asked[0], 500);
  assert.ok(asked.includes(100), asked.join(' '));
});

test('a turn takes in no more than it has room for, however much waits in the log', async (t) => {
  const directory = temporaryDirectory(t);
  const [endpoints, events, bytes] = [20, 50, 60_000];
  const before = openSqliteLog({ directory, serve: false });
  const settings = { gapMs: 86_400_000, whenBusy: 'queue' } as const;
  const url = 'http://127.0.0.1:1/';
  const [organization, first] = configured(url, settings);
  assert.ok(organization && first?.type === 'EndpointCreated');
  const data = JSON.stringify('x'.repeat(bytes));
  await before.append([
    organization,
    ...Array.from({ length: endpoints }, () => ({ ...first, endpointId: newId('ep') })),
    ...Array.from({ length: events }, () => ({ ...published(), data })),
  ]);
  await before.close();
  const turns: number[] = [];
  const { log, stop } = start(directory, undefined, undefined, (out) => {
    turns.push(out.reduce((sum, event) => sum + ('body' in event ? event.body.length : 0), 0));
  });
  t.after(() => stop());
  await waitFor('all of them', async () => {
    const scheduled = (await outbound(log)).filter(({ type }) => type === 'WebhookScheduled');
    return scheduled.length === endpoints * events;
  });
  // What one event comes to is not parted.
  assert.ok(Math.max(...turns) < 8 * 1024 * 1024 + endpoints * (bytes + 1_000), turns.join(' '));
});

test('what comes within the gap is omitted, what comes after it is sent, and never early', async (t) => {
  const { log } = startFor(t);
  const { url, arrivals } = await startReceiver(t);
  await log.append([...configured(url, { gapMs: 300 }), published(), published()]);
  await typesWhen(log, 4);
  for (let sent = arrivals.length; sent < 2; sent = arrivals.length) {
    const { length } = await outbound(log);
    await log.append([published()]);
    await typesWhen(log, length + 1);
  }
  // Not by the arrivals: on a busy machine the receiver may notice the first one late.
  const [first = 0, second = 0] = startsIn(
    await waitFor('both outcomes', async () => {
      const events = await outbound(log);
      return startsIn(events).length === 2 && events;
    }),
  );
  assert.ok(second - first >= 300, `${second - first} ms`);
});

test('what waits for the gap is claimed before that is over, and leaves no earlier', async (t) => {
  const { log } = startFor(t);
  const { url, arrivals } = await startReceiver(t);
  const gapMs = 40;
  await log.append([
    ...configured(url, { gapMs, whenBusy: 'queue' }),
    ...Array.from({ length: 10 }, () => published()),
  ]);
  await waitFor('all of them', () => arrivals.length === 10);
  await typesWhen(log, 30);
  const events = await outbound(log);
  const claims = events.flatMap((event) => (event.type === 'AttemptStarted' ? [event] : []));
  const ahead = claims.filter(({ atMs, startsAtMs }) => startsAtMs !== null && startsAtMs > atMs);
  assert.ok(ahead.length > 0, 'some were claimed before their time');
  const starts = startsIn(events);
  for (const [n, atMs] of starts.entries())
    assert.ok(n === 0 || atMs - (starts[n - 1] ?? 0) >= gapMs, starts.join(' '));
});

test('lanes that were let go are read again when something comes for them, by this process and by the next', async (t) => {
  const directory = temporaryDirectory(t);
  const { url, arrivals } = await startReceiver(t);
  const ids = Array.from({ length: 5 }, () => newId('org'));
  let recalled: string[] = [];
  let running = start(directory, undefined, (keys) => recalled.push(...keys));
  t.after(() => running.stop());
  await running.log.append(ids.flatMap((id) => configured(url, { endpointId: newId('ep'), gapMs: 1 }, id)));
  for (let round = 1; round <= 4; round++) {
    if (round === 4) {
      await running.stop();
      running = start(directory, undefined, (keys) => recalled.push(...keys));
    }
    for (const id of ids) {
      const { length } = arrivals;
      await running.log.append([published(id)]);
      await waitFor('the delivery', () => arrivals.length > length);
    }
    assert.equal(arrivals.length, round * ids.length);
    if (round < 3) recalled = [];
    else assert.ok(new Set(recalled).size > 1, `round ${round}: ${recalled.join(' ')}`);
  }
  const told = arrivals.map(({ body }) => JSON.parse(body).organizationId);
  assert.deepEqual(told, [...ids, ...ids, ...ids, ...ids]);
});

test('a failed attempt is made again after its delay with the same id', async (t) => {
  const { log } = startFor(t);
  let calls = 0;
  const { url, arrivals } = await startReceiver(t, (response) => {
    calls++;
    response.writeHead(calls < 3 ? 500 : 200).end();
  });
  await log.append([...configured(url, { gapMs: 0, retriesMs: [20, 30] }), published()]);
  const types = await typesWhen(log, 7);
  assert.deepEqual(types.slice(-3), ['AttemptFailed', 'AttemptStarted', 'WebhookProcessed']);
  assert.equal(new Set(arrivals.map(({ headers }) => headers['webhook-id'])).size, 1);
});

test('a receiver that closes connections which were kept costs no retries, and its gap holds', async (t) => {
  const { log } = startFor(t);
  const receiver = await startRawReceiver(t, (socket, nth) => {
    if (nth === 1) socket.write(ANSWER_OK);
    else socket.destroy();
  });
  const gapMs = 20;
  const settings = { gapMs, whenBusy: 'queue', retriesMs: [] } as const;
  await log.append([...configured(receiver.url, settings), ...Array.from({ length: 6 }, () => published())]);
  const events = await waitFor('six that were delivered', async () => {
    const found = await outbound(log);
    return found.filter(({ type }) => type === 'WebhookProcessed').length === 6 && found;
  });
  const ends = events.flatMap((event) => ('startedAtMs' in event ? [event] : []));
  const failures = ends.flatMap((end) => (end.type === 'AttemptFailed' ? [end.error] : []));
  assert.ok(failures.length > 0 && failures.every((error) => error === 'closed'), failures.join(' '));
  assert.deepEqual(
    ends.flatMap(({ webhookId }, n) => (webhookId === ends[n - 1]?.webhookId ? [] : [webhookId])).length,
    6,
    'each in its turn',
  );
  for (const [n, { startedAtMs }] of ends.entries())
    assert.ok(startedAtMs - (ends[n - 1]?.startedAtMs ?? 0) >= gapMs);
});

test('an endpoint that hangs holds up no other endpoint', async (t) => {
  const { log } = startFor(t);
  const hanging = await startReceiver(t, () => {});
  const { url, arrivals } = await startReceiver(t);
  const other = endpointCreated({
    url,
    endpointId: newId('ep'),
    gapMs: 0,
    secret: secrets.seal(newSigningSecret()),
  });
  await log.append([...configured(hanging.url, { gapMs: 0, timeoutMs: 1_000 }), other]);
  await log.append(Array.from({ length: 200 }, () => published()));
  await waitFor('all webhooks of the other endpoint', () => arrivals.length === 200, 5_000);
});

test('more webhooks than may wait before reading pauses, all for one endpoint, hold up no other endpoint', async (t) => {
  const { log } = startFor(t);
  const slow = await startReceiver(t);
  const { url, arrivals } = await startReceiver(t);
  const secret = secrets.seal(newSigningSecret());
  const other = endpointCreated({ url, endpointId: newId('ep'), events: ['deploy.created'], secret });
  const queues = { gapMs: 60_000, whenBusy: 'queue', maxQueued: 10_000, events: ['log.created'] } as const;
  await log.append([...configured(slow.url, { ...queues, events: ['log.created'] }), other]);
  await log.append(Array.from({ length: 2_100 }, () => published()));
  await log.append([published(organizationId, 'deploy.created')]);
  await waitFor('the webhook of the other endpoint', () => arrivals.length === 1, 10_000);
});

test('2,000 triggers without a gap all arrive once', async (t) => {
  const { log } = startFor(t);
  const { url, arrivals } = await startReceiver(t);
  await log.append(configured(url, { gapMs: 0 }));
  await log.append(Array.from({ length: 2_000 }, () => published()));
  await waitFor('all of them', () => arrivals.length >= 2_000, 20_000);
  await typesWhen(log, 6_000);
  assert.equal(new Set(arrivals.map(({ headers }) => headers['webhook-id'])).size, 2_000);
  assert.equal(arrivals.length, 2_000);
});

test('a stop waits for what is in flight and keeps its outcome', async (t) => {
  const directory = temporaryDirectory(t);
  const first = start(directory);
  let answer: (() => void) | undefined;
  const { url, arrivals } = await startReceiver(t, (response) => {
    answer = () => response.end();
  });
  await first.log.append([...configured(url), published()]);
  await waitFor('the request', () => arrivals.length === 1);
  const closing = first.dispatcher.close(10_000);
  answer?.();
  await closing;
  const events = await outbound(first.log);
  await first.log.close();
  assert.equal(events.at(-1)?.type, 'WebhookProcessed');
});

test('what a stop could not wait for is sent again by the next process, with the same id, after the gap', async (t) => {
  const directory = temporaryDirectory(t);
  const settings = { gapMs: 100, timeoutMs: 400 };
  const first = start(directory);
  let hang = true;
  const { url, arrivals } = await startReceiver(t, (response) => {
    if (!hang) response.end();
  });
  await first.log.append([...configured(url, settings), published()]);
  await waitFor('the first request', () => arrivals.length === 1);
  await first.stop(0);
  hang = false;
  const second = start(directory);
  t.after(() => second.stop());
  const types = await typesWhen(second.log, 5);
  assert.deepEqual(types.slice(2), ['AttemptFailed', 'AttemptStarted', 'WebhookProcessed']);
  assert.equal(arrivals.length, 2);
  assert.equal(arrivals[0]?.headers['webhook-id'], arrivals[1]?.headers['webhook-id']);
});

test('a secret that was sealed anew signs what is sent from then on', async (t) => {
  const { log } = startFor(t);
  const { url, arrivals } = await startReceiver(t);
  const events = configured(url, { gapMs: 0 });
  await log.append([...events, published()]);
  await typesWhen(log, 3);
  const sealed = events.flatMap((event) => ('secret' in event && event.secret ? [event.secret] : []));
  const anew = Object.fromEntries(sealed.map((before) => [before, secrets.seal(secrets.open(before))]));
  const atMs = Date.now();
  await log.append([{ type: 'SecretsResealed', organizationId, atMs, secrets: anew }]);
  await waitFor('the lane to hold nothing else', async () => {
    let lanes = '';
    for await (const batch of log.read('lanes')) lanes += JSON.stringify(batch.events);
    return lanes !== '' && sealed.every((before) => !lanes.includes(before));
  });
  await log.append([published()]);
  await typesWhen(log, 6);
  assert.deepEqual(
    arrivals.map(({ headers }) => headers.authorization),
    ['Bearer orgs_1', 'Bearer orgs_1'],
  );
});

test('where a secret cannot be opened the dispatcher ends and says so, and sends nothing', async (t) => {
  const directory = temporaryDirectory(t);
  const { url, arrivals } = await startReceiver(t);
  const foreign = createSecretBox([Buffer.alloc(32, 9)]).seal('orgs_1');
  const unreadable = { code: 'SECRET_UNREADABLE', message: /sealed under another master key/ };
  const running = start(directory);
  await running.log.append([...configured(url), { ...organizationCreated(), secret: foreign }, published()]);
  // At the first request, and at the next start before one is claimed.
  await assert.rejects(running.dispatcher.ended, unreadable);
  await running.stop();
  const again = start(directory);
  await assert.rejects(again.dispatcher.ended, unreadable);
  const types = (await outbound(again.log)).map(({ type }) => type);
  await again.stop();
  assert.deepEqual([types, arrivals.length], [['WebhookScheduled', 'AttemptStarted'], 0]);
});
