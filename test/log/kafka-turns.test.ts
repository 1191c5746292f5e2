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

const NEVER = new AbortController().signal;

async function begunOf(turns: Turns, count: number): Promise<{ begun: Turn[]; settle: () => Promise<void> }> {
  const begun: Turn[] = [];
  for (let n = 0; n < count; n++) void turns.begin(NEVER).then((turn) => begun.push(turn as Turn));
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
  assert.equal(begun.length, 4, 'its place was given to another one already');
});

test('who leaves while he waits is told at once, and what he waited for goes to the next one', async () => {
  const turns = createTurns(1, createTime());
  const { begun, settle } = await begunOf(turns, 1);
  const leaving = new AbortController();
  const left = turns.begin(leaving.signal);
  const { begun: next } = await begunOf(turns, 1);
  leaving.abort();
  assert.equal(await left, undefined);
  assert.equal(await turns.begin(leaving.signal), undefined, 'who has left already does not wait');
  begun[0]?.end(false);
  await settle();
  assert.equal(next.length, 1);
});

/** Sixteen partitions that always have something to do, and whose turns take so long: how many go on at once in some time. */
async function turnsAtOnce(
  tookMs: (nowMs: number, going: number) => number,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<number> {
  const time = createTime();
  const turns = createTurns(16, time);
  let going = 0;
  let sum = 0;
  let count = 0;
  async function work(): Promise<void> {
    for (;;) {
      const turn = await turns.begin(NEVER);
      going++;
      if (time.elapsed() >= fromMs) {
        sum += going;
        count++;
      }
      await new Promise<void>((resolve) => void time.after(tookMs(time.elapsed(), going), resolve));
      going--;
      turn?.end(true);
    }
  }
  for (let n = 0; n < 16; n++) void work();
  await time.runUntil(toMs);
  return sum / count;
}

test('where turns take longer the more of them go on, few do', async () => {
  const many = await turnsAtOnce((_, going) => 5 * going, { fromMs: 10_000, toMs: 15_000 });
  assert.ok(many >= 2 && many <= 5, `${many}`);
});

/** A tenth more or less, as it comes. */
function about(ms: number, n: number): number {
  return ms * (1 + (n % 7) / 70);
}

for (const ms of [10, 150]) {
  test(`where they take ${ms} ms whatever else goes on, all do`, async () => {
    let n = 0;
    const many = await turnsAtOnce(() => about(ms, n++), { fromMs: 15_000, toMs: 20_000 });
    assert.ok(many > 14, `${many}`);
  });
}

for (const ms of [40, 120]) {
  test(`from when turns take ${ms} ms instead of 5, whatever else goes on, all do so again within a minute`, async () => {
    let n = 0;
    const tookMs = (nowMs: number) => about(nowMs < 20_000 ? 5 : ms, n++);
    const many = await turnsAtOnce(tookMs, { fromMs: 80_000, toMs: 85_000 });
    assert.ok(many > 13, `${many}`);
  });
}
