// Each event stands in the partition of its key, behind the one before it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Topic } from '../../src/events.ts';
import { partitionOf } from '../../src/log/partitioner.ts';
import { verify } from '../../src/verify/verify.ts';
import { organizationCreated } from '../projections/facts.ts';
import { logOf } from './history.ts';

const event = organizationCreated();
const { organizationId } = event;
const PARTITIONS = 4;
const right = partitionOf(organizationId, PARTITIONS);

/** A log that holds the organization's event at these offsets of a partition. */
function holding(partition: number, offsets: number[]) {
  const written = (topic: Topic) =>
    Array.from({ length: PARTITIONS }, (_, index) =>
      topic === 'organizations' && index === partition ? offsets.map((offset) => ({ event, offset })) : [],
    );
  return { log: logOf(written) };
}

test('where an event must stand nothing is found, whatever holes there are', async () => {
  const { findings, events } = await verify(holding(right, [3, 7, 8]));
  assert.deepEqual([findings, events], [[], 3]);
});

test('an event in another partition is found', async () => {
  const wrong = (right + 1) % PARTITIONS;
  const { findings } = await verify(holding(wrong, [0]));
  const message =
    `OrganizationCreated of ${organizationId} stands in partition ${wrong} of topic organizations, ` +
    `and its key belongs into ${right}`;
  assert.deepEqual(findings, [
    { check: 'places', topic: 'organizations', partition: wrong, offset: 0, message, organizationId },
  ]);
});

test('an offset that does not grow is found', async () => {
  const { findings } = await verify(holding(right, [3, 2, 4]));
  assert.deepEqual(
    findings.map(({ message }) => message),
    ['OrganizationCreated stands behind offset 3 and has 2'],
  );
});
