import assert from 'node:assert/strict';
import { test } from 'node:test';
import TinyQueue from 'tinyqueue';
import { createTurns, type Turn, type Turns } from '../../src/log/kafka-turns.ts';

/** A time that passes from one happening to the next. */
function createTime() {
  const queue = new TinyQueue<{ atMs: number; work: (() => void) | undefined }>(
    [],
    (a, b) => a.atMs - b.atMs,
  );
  let nowMs = 0;
  return {
    elapsed: () => nowMs,
    after(ms: number, work: () => void) {
      const happening: { atMs: number; work: (() => void) | undefined } = { atMs: nowMs + ms, work };
      queue.push(happening);
      return () => {
        happening.work = undefined;
      };
    },
    async runUntil(untilMs: number) {
      for (let top = queue.peek(); top !== undefined && top.atMs <= untilMs; top = queue.peek()) {
        queue.pop();
        nowMs = top.atMs;
        top.work?.();
        // All that follows from it, in promises.
        await new Promise(setImmediate);
      }
      nowMs = untilMs;
    },
  };
}

async function begunOf(turns: Turns, count: number): Promise<{ begun: Turn[]; settle: () => Promise<void> }> {
  const begun: Turn[] = [];
  for (let n = 0; n < count; n++) void turns.begin().then((turn) => begun.push(turn));
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  await settle();
  return { begun, settle };
}

test('two turns at first; whoever comes then waits until one is over', async () => {
  const { begun, settle } = await begunOf(createTurns(16, createTime()), 4);
  assert.equal(begun.length, 2);
  begun[0]?.end(false);
  begun[0]?.end(false);
  await settle();
  assert.equal(begun.length, 3, 'to end it twice ends it once');
  begun[1]?.release();
  await settle();
  assert.equal(begun.length, 4, 'one with much to do holds up nobody');
});

test('no more than there are partitions', async () => {
  const { begun } = await begunOf(createTurns(1, createTime()), 3);
  assert.equal(begun.length, 1);
});

test('a turn that takes long holds up nobody', async () => {
  const time = createTime();
  const { begun, settle } = await begunOf(createTurns(16, time), 5);
  await time.runUntil(99);
  assert.equal(begun.length, 2);
  await time.runUntil(100);
  await settle();
  assert.equal(begun.length, 4);
  begun[0]?.end(true);
  await settle();
  assert.equal(begun.length, 4, 'it did not count any more');
});

/** Sixteen partitions that always have something to do; how many turns go on at once, after a while. */
async function turnsAtOnce(tookMs: (going: number) => number): Promise<number> {
  const time = createTime();
  const turns = createTurns(16, time);
  let going = 0;
  let sum = 0;
  let count = 0;
  async function work(): Promise<void> {
    for (;;) {
      const turn = await turns.begin();
      going++;
      if (time.elapsed() > 10_000) {
        sum += going;
        count++;
      }
      await new Promise<void>((resolve) => void time.after(tookMs(going), resolve));
      going--;
      turn.end(true);
    }
  }
  for (let n = 0; n < 16; n++) void work();
  await time.runUntil(15_000);
  return sum / count;
}

test('where turns take longer the more of them go on, few do', async () => {
  const many = await turnsAtOnce((going) => 5 * going);
  assert.ok(many >= 2 && many <= 5, `${many}`);
});

test('where they take as long whatever else goes on, all do', async () => {
  let n = 0;
  // A tenth more or less, as it comes.
  const many = await turnsAtOnce(() => 10 + (n++ % 7) / 7);
  assert.ok(many > 14, `${many}`);
});
