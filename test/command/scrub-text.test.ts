import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createNames } from '../../src/command/scrub-names.ts';
import { mayHoldSecrets, scrubText } from '../../src/command/scrub-text.ts';
import { DEFAULT_SCRUB_RULES } from '../../src/scrub-rules.ts';

const isSecret = createNames(DEFAULT_SCRUB_RULES.names);

/** Secrets within texts, whole and in pieces. */
const WHOLE = [
  'password=x',
  `'pwd'\n:'x'`,
  `"pwd"\f:1`,
  'https://u:p@h',
  'Bearer abcdefgh1',
  'BASIC\nabcdefgh1',
];
const OURS = [`ints_${'aB3_5678'.repeat(4)}`, `whsec_${'a/'.repeat(12)}`, '4242-4242 42424242'];
const PIECES = [...`=@:"'\\/ \n\f\v\u00a0-a1u`, '://', 'token', 'basic ', 'whsec_', '4242', 'x1='];
const PARTS = [...WHOLE, ...OURS, ...PIECES];

/** A text as JSON has it; some of its characters in a longer way. */
function written(text: string, way: (i: number) => 'plain' | 'slash' | 'code'): string {
  const units = Array.from({ length: text.length }, (_, i) => {
    const unit = text[i] ?? '';
    if (way(i) === 'code') return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return way(i) === 'slash' && unit === '/' ? '\\/' : JSON.stringify(unit).slice(1, -1);
  });
  return `{"a":"${units.join('')}"}`;
}

test('JSON that may hold no secrets in its texts holds none, in whatever way they are written', () => {
  const text = fc
    .array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...PARTS) }, fc.string()), { maxLength: 8 })
    .map((parts) => parts.join(''));
  const ways = fc.array(fc.constantFrom('plain', 'plain', 'plain', 'slash', 'code'), {
    minLength: 1,
    maxLength: 40,
  });
  let secrets = 0;
  let overlooked = 0;
  fc.assert(
    fc.property(text, fc.oneof(fc.constant(['plain']), fc.constant(['slash']), ways), (given, how) => {
      const json = written(given, (i) => how[i % how.length] as 'plain' | 'slash' | 'code');
      assert.equal(JSON.parse(json).a, given);
      const holds = scrubText(given, isSecret, DEFAULT_SCRUB_RULES) !== given;
      if (holds) assert.ok(mayHoldSecrets(json), json);
      if (holds) secrets++;
      if (!mayHoldSecrets(json)) overlooked++;
    }),
    { numRuns: 5_000 },
  );
  // Else it would say nothing.
  assert.ok(secrets > 500 && overlooked > 100, `${secrets} with secrets, ${overlooked} not looked at`);
});
