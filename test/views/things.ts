// A view for the tests of the SQLite store and the processes that they start: in each round one batch writes the
// round's number into every document.

import type { ViewBatch, ViewDefinition } from '../../src/views/views.ts';

export const THINGS: ViewDefinition = {
  name: 'things',
  version: 1,
  topics: ['outbound'],
  indexes: [['kind']],
  sparse: ['kind'],
  usual: { kind: ['a', 1] },
};

export const DOCUMENTS = 50;

export function roundBatch(round: number): ViewBatch {
  const cause = { topic: 'outbound', partition: 0, offset: round } as const;
  return {
    patches: Array.from({ length: DOCUMENTS }, (_, i) => ({
      view: 'things',
      id: `t_${i}`,
      cause,
      set: { round, kind: `k${round % 3}` },
    })),
    positions: [{ ...cause, offset: round + 1 }],
  };
}
