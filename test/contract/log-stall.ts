// What every engine must do when it does not keep up: let a bounded amount wait, refuse more at once, lose nothing that was
// acknowledged, and go on by itself.

import assert from 'node:assert/strict';
import type { LogReceived } from '../../src/events.ts';
import { type Log, LogBusy, LogUnavailable, type Position } from '../../src/log/log.ts';
import { MAX_WAITING_BYTES } from '../../src/log/waiting.ts';
import { EXAMPLES } from '../log/examples.ts';
import { waitFor } from '../support/wait.ts';
import { all, changed, eventsOf, joinByHand, type Kit, numbersOf, pending, started } from './log-kit.ts';

const BODY = Buffer.alloc(256 * 1024, 'x');
/** More than may wait, several times. */
const FLOOD = (4 * MAX_WAITING_BYTES) / BODY.length;
/** What waits is held once, and written down once more when it is on its way; the rest is what the collector leaves for later. */
const MUCH_BYTES = 4 * MAX_WAITING_BYTES;

const received: LogReceived = { ...EXAMPLES.LogReceived, body: BODY };

export function stallContract({ it, engine }: Kit): void {
  const { stalling } = engine;
  if (stalling === undefined) return;
  const { missing = false } = stalling;

  it(
    'while it is stalled so much waits and no more; what was acknowledged is there, and it goes on by itself',
    async (t) => {
      const { open, stall, resume } = await stalling.newLog(t);
      const log = await open({ serve: true });
      await log.append([changed('a', 1)]);
      assert.equal(log.isFull(), false);
      await stall();
      const before = process.memoryUsage().rss;
      const outcomes: (Position[] | Error)[] = [];
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      t.after(() => clearInterval(timer));
      const flood = Array.from({ length: FLOOD }, () =>
        log.append([received]).then(
          (positions) => outcomes.push(positions),
          (error: Error) => outcomes.push(error),
        ),
      );
      await waitFor('what is too much to be refused', () => outcomes.length >= (FLOOD * 3) / 4 - 1);
      assert.ok(outcomes.every((outcome) => outcome instanceof LogBusy));
      assert.equal(log.isFull(), true);
      const refusedAtTurn = turns;
      await waitFor('everything else to go on', () => turns > refusedAtTurn + 20);
      await assert.rejects(log.append([received]), LogBusy);
      assert.ok(process.memoryUsage().rss - before < MUCH_BYTES);
      await resume();
      await Promise.all(flood);
      const taken = outcomes.filter((outcome) => Array.isArray(outcome)).flat();
      const passes = (outcome: unknown) => outcome instanceof LogBusy || outcome instanceof LogUnavailable;
      assert.ok(outcomes.every((outcome) => Array.isArray(outcome) || passes(outcome)));
      await waitFor('an append', () => log.append([changed('a', 2)]).then(Boolean, isUnavailable), 60_000);
      assert.equal(log.isFull(), false);
      const stored = new Set<string>();
      for await (const { partition, events } of log.read('inbound'))
        for (const { offset } of events) stored.add(`${partition} ${offset}`);
      for (const { partition, offset } of taken) assert.ok(stored.has(`${partition} ${offset}`));
      assert.deepEqual(numbersOf(await all(log, 'organizations')), [1, 2]);
    },
    missing,
  );

  it(
    'what waits for too long is rejected as unavailable',
    async (t) => {
      const { open, stall, resume } = await stalling.newLog(t);
      const log = await open({ serve: true });
      await log.append([changed('a', 1)]);
      await stall();
      await Promise.all(
        [2, 3].map((number) => assert.rejects(log.append([changed('a', number)]), LogUnavailable)),
      );
      await resume();
      await waitFor('an append', () => log.append([changed('a', 4)]).then(Boolean, isUnavailable), 60_000);
      const numbers = numbersOf(await all(log, 'organizations'));
      assert.deepEqual([numbers[0], numbers.at(-1)], [1, 4]);
    },
    missing,
  );

  it(
    'commits are not refused for what waits to be appended, and are done once',
    async (t) => {
      const { open, stall, resume } = await stalling.newLog(t);
      const log = await open({ serve: true });
      await log.append([changed('a', 1)]);
      const partition = await joinByHand(log, 'organizations').partition(0);
      await stall();
      const flood = fill(log);
      await waitFor('no more to be taken', () => log.isFull());
      const large = { ...pending('a', '1', 1), body: BODY };
      const committed = waitFor(
        'the commit',
        () => partition.commit([started('a', 1), large], 1).then(() => true, isUnavailable),
        60_000,
      );
      await resume();
      await committed;
      await flood;
      assert.deepEqual(numbersOf(await all(log, 'outbound')), [1]);
      assert.deepEqual(eventsOf(await all(log, 'lanes')), [large]);
      assert.deepEqual(await log.positions('dispatcher', 'organizations'), [1]);
    },
    missing,
  );
}

/** Appends until it is full. */
async function fill(log: Log): Promise<void> {
  const appends = Array.from({ length: FLOOD }, () => log.append([received]));
  await Promise.allSettled(appends);
}

/** False for an error that passes; throws any other, LogBusy too. */
function isUnavailable(error: unknown): false {
  if (error instanceof LogUnavailable) return false;
  throw error;
}
