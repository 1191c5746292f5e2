import assert from 'node:assert/strict';
import { test } from 'node:test';
import { help, readOptions, UsageError } from '../../bench/options.ts';

const MEASURES = ['measurePosts', 'measureGap'];
const read = (...args: string[]) => readOptions(args, MEASURES);

test('without arguments all that is usual is measured once, on SQLite', () => {
  assert.deepEqual(read(), {
    deployment: 'sqlite',
    only: undefined,
    runs: 1,
    organizations: 10_000,
    pin: false,
    all: false,
    quick: false,
    history: undefined,
    help: false,
  });
});

test('deployment, measure and options are read in any order', () => {
  const { deployment, only, runs, pin } = read('--runs', '3', 'kafka', '--pin', 'measureGap');
  assert.deepEqual([deployment, only, runs, pin], ['kafka', 'measureGap', 3, true]);
});

for (const [args, message] of [
  [['sqlite', 'measureGaps'], /^there is no measure measureGaps; there are measurePosts, measureGap$/],
  [['measureGap'], /^measureGap is no deployment; there are sqlite, kafka, apart$/],
  [['sqlite', 'measureGap', 'measurePosts'], /^one measure at a time/],
  [['--runs', '0'], /^--runs takes a whole number, 1 or more, not 0$/],
  [['--runs', 'many'], /^--runs takes a whole number, 1 or more, not many$/],
  [['--organizations', '1.5'], /^--organizations takes a whole number, 100 or more, not 1\.5$/],
  [['--run'], /^Unknown option '--run'.*; there are --runs, --pin, .*--help$/],
  [['--history'], /--history.* there are --runs/],
] as const) {
  test(`${args.join(' ')} is refused in one line, which says what is allowed`, () => {
    assert.throws(
      () => read(...args),
      (error) => error instanceof UsageError && message.test(error.message) && !error.message.includes('\n'),
    );
  });
}

test('help names every measure and every option', () => {
  const text = help(['measurePosts'], ['measureGap']);
  for (const word of [...MEASURES, '--runs', '--pin', '--all', '--quick', '--organizations', '--history'])
    assert.ok(text.includes(word), word);
});
