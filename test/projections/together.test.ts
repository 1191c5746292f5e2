import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Topic } from '../../src/events.ts';
import type { Log, Offsets } from '../../src/log/log.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { followTogether } from '../../src/projections/together.ts';
import { waitFor } from '../support/wait.ts';
import { id, logReceived, logRecorded, scheduled } from './facts.ts';
import { openStores } from './stores.ts';

/** Lets everything else run that can. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

const START = new Map<Topic, Offsets>([
  ['inbound', {}],
  ['organizations', {}],
  ['outbound', {}],
]);

test('what has come of all topics comes together, each event once, until it is ended', async (t) => {
  const { log } = openStores(t);
  const ending = new AbortController();
  const seen: string[] = [];
  const sizes: number[] = [];
  const following = (async () => {
    for await (const batches of followTogether(log, START, ending.signal)) {
      sizes.push(batches.length);
      for (const { topic, partition, events } of batches)
        seen.push(...events.map(({ offset }) => `${topic}/${partition}/${offset}`));
      // Nobody asks for a while: meanwhile more comes together.
      if (seen.length === 1) await waitFor('more to be written', () => written.length === 7);
      for (let i = 0; i < 20; i++) await nextTurn();
    }
  })();
  const written: string[] = [];
  const write = async (n: number) => {
    const events = [
      logReceived({ id: id('in', n) }),
      logRecorded({ inboundId: id('in', n) }),
      scheduled({ webhookId: id('wh', n) }),
    ];
    for (const event of n === 0 ? events.slice(0, 1) : events) {
      for (const { topic, partition, offset } of await log.append([event]))
        written.push(`${topic}/${partition}/${offset}`);
    }
  };
  await write(0);
  await waitFor('the first', () => seen.length === 1);
  await write(1);
  await write(2);
  await waitFor('all of them', () => seen.length === written.length);
  ending.abort();
  await following;
  assert.deepEqual(seen.sort(), written.sort());
  assert.ok(Math.max(...sizes) >= 3, `batches came together: ${sizes}`);
});

test('of what nobody takes only so much is read', async () => {
  let read = 0;
  const log: Pick<Log, 'follow'> = {
    async *follow(topic, { signal }) {
      while (!signal.aborted) {
        read++;
        yield { topic, partition: 0, events: [], next: read, end: read + 1 };
        await nextTurn();
      }
    },
  };
  const following = followTogether(log, START, new AbortController().signal);
  const { value: batches } = await following.next();
  // Cut batches, which count as a thousand events each.
  assert.equal(batches?.length, 4);
  for (let i = 0; i < 100; i++) await nextTurn();
  assert.ok(read <= 4 + 4 + START.size, `${read} batches`);
  await following.return(undefined);
});

test('an error of one topic is told, and none of the others is read on', async () => {
  let reading = 0;
  const log: Pick<Log, 'follow'> = {
    async *follow(topic, { signal }) {
      if (topic === 'outbound') throw new LogUnavailable('away');
      reading++;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      reading--;
    },
  };
  await assert.rejects(followTogether(log, START, new AbortController().signal).next(), LogUnavailable);
  assert.equal(reading, 0);
});

test('what was ended before it began gives nothing', async (t) => {
  const { log } = openStores(t);
  await log.append([logReceived()]);
  const { done } = await followTogether(log, START, AbortSignal.abort()).next();
  assert.equal(done, true);
});
