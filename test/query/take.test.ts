import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeUntil } from '../../src/query/take.ts';

async function* numbers(count: number, onEnd: () => void) {
  try {
    for (let n = 0; n < count; n++) yield n;
  } finally {
    onEnd();
  }
}

const LATER = () => performance.now() + 60_000;

test('all is taken, or what is enough, and the source is closed', async () => {
  for (const [enough, expected] of [
    [9, [0, 1, 2, 3]],
    [1, [0, 1]],
  ] as const) {
    const taken: number[] = [];
    let ended = 0;
    const source = numbers(4, () => ended++);
    const take = (n: number) => {
      taken.push(n);
      return n === enough ? 'enough' : undefined;
    };
    assert.equal(await takeUntil(source, LATER(), take), true);
    assert.deepEqual([taken, ended], [expected, 1]);
  }
});

test('a source that does not answer is given up when the time is over', async () => {
  const { promise: never, reject } = Promise.withResolvers<IteratorResult<number>>();
  const source = { [Symbol.asyncIterator]: () => ({ next: () => never }) };
  assert.equal(await takeUntil(source, performance.now() + 5, () => undefined), false);
  // That it fails afterwards is nobody's concern: an unhandled rejection would fail this test.
  reject(new Error('closed'));
});

test('what the source fails with is thrown', async () => {
  async function* failing(): AsyncGenerator<number> {
    yield 1;
    throw new Error('away');
  }
  await assert.rejects(
    takeUntil(failing(), LATER(), () => undefined),
    /away/,
  );
});
