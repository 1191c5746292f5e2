// A thousand simulated hours of 4,000 organizations, and the proof that the auditor finds what it is there to find.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Check } from '../../src/verify/report.ts';
import { BREAKS, type Break } from './breaks.ts';
import { simulateAside } from './thread.ts';

suite('whatever goes wrong, every invariant holds', { concurrency: 2 }, () => {
  for (let seed = 1; seed <= 10; seed++) {
    test(`in 100 hours of 400 organizations, from seed ${seed}`, async (t) => {
      const report = await simulateAside({ seed, hours: 100, organizations: 400 });
      const { findings, verified, digest: _, ...counts } = report;
      t.diagnostic(JSON.stringify(counts));
      assert.deepEqual(findings.slice(0, 5), [], `npm run simulate -- --seed ${seed} --organizations 400`);
      assert.deepEqual(verified, [], 'hooklane verify');
      // A run in which little happens proves little.
      assert.ok(counts.requests > 5_000 && counts.webhooks > 7_000);
      assert.ok((counts.faults.crashes ?? 0) > 50 && (counts.faults['positions forgotten'] ?? 0) > 20);
    });
  }
});

test('a seed replays exactly, and another one is another run', async () => {
  const options = { seed: 77, hours: 20, organizations: 100 };
  const { digest } = await simulateAside(options);
  assert.equal((await simulateAside(options)).digest, digest);
  assert.notEqual((await simulateAside({ ...options, seed: 78 })).digest, digest);
});

/** What shows in the log that is left, by the check of `hooklane verify` that finds it. */
const VERIFIED: Partial<Record<Break, Check>> = {
  'recorded-twice': 'records',
  'never-recorded': 'records',
  'birth-lost': 'webhooks',
  'gap-forgotten': 'gaps',
  'out-of-order': 'order',
  'seen-forgotten': 'webhooks',
};

suite('a deliberate break is found', { concurrency: 2 }, () => {
  for (const broken of Object.keys(BREAKS) as Break[]) {
    test(`${broken}, which breaks invariant ${BREAKS[broken]}`, async () => {
      const check = VERIFIED[broken];
      for (let seed = 5; seed < 10; seed++) {
        const { findings, verified } = await simulateAside({ seed, hours: 40, organizations: 200, broken });
        const isVerified = check === undefined || verified.some((finding) => finding.check === check);
        if (isVerified && findings.some(({ invariant }) => invariant === BREAKS[broken])) return;
      }
      assert.fail('in five runs it was not');
    });
  }
});
