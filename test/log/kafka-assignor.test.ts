// Who of a group gets which partition: everything is given once, as evenly as can be, and little moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assign, type Candidate, describe, described } from '../../src/log/kafka-assignor.ts';

const TOPIC = 'inbound';

function candidate(name: string, sinceMs: number, owned: number[] = []): Candidate {
  return { memberId: name, topics: [TOPIC], sinceMs, owned: { [TOPIC]: owned } };
}

/** What each has, after one more assignment. */
function shares(candidates: Candidate[], partitions: number): Map<string, number[]> {
  const assignment = assign(candidates, () => partitions);
  return new Map(candidates.map(({ memberId }) => [memberId, assignment[memberId]?.[TOPIC] ?? []]));
}

test('a member alone gets everything', () => {
  assert.deepEqual(shares([candidate('a', 1)], 4).get('a'), [0, 1, 2, 3]);
});

test('a second member takes half, and the first keeps the rest', () => {
  const all = [0, 1, 2, 3];
  const after = shares([candidate('a', 1, all), candidate('b', 2)], 4);
  assert.deepEqual(
    [after.get('a'), after.get('b')],
    [
      [0, 1],
      [2, 3],
    ],
  );
});

test('what does not divide evenly goes to who came last', () => {
  const after = shares([candidate('a', 1, [0]), candidate('b', 2)], 1);
  assert.deepEqual([after.get('a'), after.get('b')], [[], [0]]);
});

test('of two who say that they own a partition one gets it', () => {
  const after = shares([candidate('a', 1, [0, 1]), candidate('b', 2, [0, 1])], 2);
  assert.deepEqual([...(after.get('a') ?? []), ...(after.get('b') ?? [])].sort(), [0, 1]);
});

test('members get partitions of their own topics alone', () => {
  const other: Candidate = { memberId: 'b', topics: ['organizations'], sinceMs: 2, owned: {} };
  const assignment = assign([candidate('a', 1), other], (topic) => (topic === TOPIC ? 2 : 3));
  assert.deepEqual(assignment, { a: { inbound: [0, 1] }, b: { organizations: [0, 1, 2] } });
});

test('whoever comes and goes: all is given once, evenly, and no more moves than must', () => {
  const happening = fc.record({ joins: fc.boolean(), who: fc.nat(9) });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(happening, { maxLength: 30 }),
      (count, happenings) => {
        let members: Candidate[] = [candidate('first', 0)];
        for (const [atMs, { joins, who }] of happenings.entries()) {
          if (joins || members.length === 1) members.push(candidate(`m${atMs}`, atMs + 1));
          else members.splice(who % members.length, 1);
          const before = new Map(members.map(({ memberId, owned }) => [memberId, owned[TOPIC] ?? []]));
          const after = shares(members, count);
          const given = [...after.values()].flat().sort((a, b) => a - b);
          assert.deepEqual(
            given,
            Array.from({ length: count }, (_, partition) => partition),
          );
          const least = Math.floor(count / members.length);
          for (const share of after.values()) assert.ok(share.length === least || share.length === least + 1);
          // Nobody gives up a partition and is given another one instead.
          for (const [memberId, share] of after) {
            const had = before.get(memberId) ?? [];
            const lost = had.filter((partition) => !share.includes(partition)).length;
            const gained = share.filter((partition) => !had.includes(partition)).length;
            assert.ok(lost === 0 || gained === 0, `${memberId} lost ${lost} and gained ${gained}`);
          }
          members = members.map((member) => ({
            ...member,
            owned: { [TOPIC]: after.get(member.memberId) ?? [] },
          }));
        }
      },
    ),
  );
});

test('what a member says of itself is understood; what another program says is not, and does no harm', () => {
  const self = { sinceMs: 17.25, owned: { inbound: [1, 2] } };
  assert.deepEqual(described(describe(self)), self);
  for (const text of ['', 'null', '[]', '{"sinceMs":"x"}', '\u0000']) {
    assert.deepEqual(described(Buffer.from(text)), { sinceMs: 0, owned: {} }, text);
  }
});
