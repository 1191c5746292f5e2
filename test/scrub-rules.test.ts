import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SCRUB_RULES, parseScrubRules, plainName, SCRUBBED_BY_DEFAULT } from '../src/scrub-rules.ts';

test('names are added to the defaults, and taken out of them, however they are written', () => {
  const rules = parseScrubRules('Internal-Id, date of birth,-Api_Key');
  assert.deepEqual(
    new Set(rules?.names),
    new Set([...SCRUBBED_BY_DEFAULT, 'internalid', 'dateofbirth']).difference(new Set(['apikey'])),
  );
  assert.deepEqual([rules?.cards, rules?.credentials], [true, true]);
});

test('none takes all defaults out, also what is looked for in texts, and leaves what is added', () => {
  assert.deepEqual(parseScrubRules('none'), { names: [], cards: false, credentials: false });
  assert.deepEqual(parseScrubRules('ssn,none'), { names: ['ssn'], cards: false, credentials: false });
});

test('without the name of card numbers none is looked for', () => {
  assert.equal(parseScrubRules('-card_number')?.cards, false);
  assert.equal(DEFAULT_SCRUB_RULES.cards, true);
});

test('what is no name, or was never a default, is refused', () => {
  const wrong = ['', 'a,,b', '-', '--token', 'x', '-x', '_', 'a=b', '-pasword', '-none', 'x'.repeat(65)];
  for (const text of wrong) assert.equal(parseScrubRules(text), undefined, text);
  assert.equal(parseScrubRules(Array.from({ length: 201 }, (_, i) => `name${i}`).join(',')), undefined);
});

test('the defaults are written as names are compared', () => {
  for (const name of SCRUBBED_BY_DEFAULT) assert.equal(plainName(name), name);
});
