import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TOPIC_OF } from '../../src/events.ts';
import { TransferRefused } from '../../src/transfer/errors.ts';
import { eventOf, isMoved, lineOf, type MovedEvent } from '../../src/transfer/format.ts';
import { EXAMPLES } from '../log/examples.ts';

const moved = Object.values(EXAMPLES).filter(
  (event) => TOPIC_OF[event.type] !== 'lanes' && isMoved(event),
) as MovedEvent[];

function refused(values: Record<string, unknown>, message: RegExp): void {
  assert.throws(
    () => eventOf(values),
    (error) => error instanceof TransferRefused && message.test(error.message),
  );
}

test('each event comes back equal from its line', () => {
  assert.ok(moved.length > 20);
  for (const event of moved) {
    const line = lineOf(event);
    assert.ok(!line.includes('\n'));
    assert.deepEqual(eventOf(JSON.parse(line)), event);
  }
});

test('what an older release did not write has its default', () => {
  const { imported: _, ...values } = JSON.parse(lineOf(EXAMPLES.LogReceived));
  assert.deepEqual(eventOf(values), { ...EXAMPLES.LogReceived, imported: false });
});

test('what is no event of ours is refused, and the message says why', () => {
  const values = JSON.parse(lineOf(EXAMPLES.OrganizationCreated));
  refused({ ...values, type: 'OrganizationSold' }, /no event is called "OrganizationSold" here; a newer/);
  for (const type of ['OrganizationImportEnded', 'TokenCreated', 'TokenRevoked', 'HistoryPruned'])
    refused({ ...values, type }, /may not be in a file/);
  refused({ ...values, topic: 'inbound' }, /does not stand in topic "inbound"/);
  refused({ ...values, colour: 'red' }, /has no field "colour" here/);
  refused({ ...values, name: 7 }, /^OrganizationCreated is not as it should be: /);
  const { name: _, ...nameless } = values;
  refused(nameless, /^OrganizationCreated is not as it should be: /);
  const lane = { topic: 'lanes', ...EXAMPLES.LaneSaved };
  refused(lane, /does not stand in topic "lanes"/);
});
