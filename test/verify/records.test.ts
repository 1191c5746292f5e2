// Each inbound webhook has become one thing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  deployRecorded,
  id,
  inboundWebhookFailed,
  logReceived,
  logRecorded,
  organizationCreated,
} from '../projections/facts.ts';
import { found, judge } from './history.ts';

const inboundId = id('in');
const inbound = [logReceived()];

test('one that has become a log, or an error, is as it must be; also when the recorder has made it again', async () => {
  for (const record of [logRecorded(), inboundWebhookFailed()]) {
    assert.deepEqual(await found({ inbound, organizations: [record] }), []);
    assert.deepEqual(await found({ inbound, organizations: [record, record] }), []);
  }
  const { checks } = await judge({ inbound, organizations: [logRecorded(), logRecorded()] });
  assert.equal(checks.find(({ name }) => name === 'records')?.checked, 1);
});

test('one that has become nothing is found; one that the recorder has not reached is counted', async () => {
  assert.deepEqual(await found({ inbound }), [
    `records: ${inboundId} was accepted, and has become neither a log nor an error`,
  ]);
  const { findings, open } = await judge({ inbound }, { positions: 0 });
  assert.deepEqual([findings, open.toRecord], [[], 1]);
});

test('one that has become two things is found', async () => {
  assert.deepEqual(await found({ inbound, organizations: [logRecorded(), inboundWebhookFailed()] }), [
    `records: ${inboundId} has become a log, and an error as well`,
  ]);
  assert.deepEqual(await found({ inbound, organizations: [logRecorded({ logId: id('log', 7) })] }), [
    `records: ${inboundId} has become ${id('log', 7)}, and not ${id('log')}`,
  ]);
  assert.deepEqual(await found({ inbound, organizations: [deployRecorded()] }), [
    `records: ${inboundId} came as LogReceived, and has become a deploy`,
  ]);
});

test('a record of what was never received is found, once', async () => {
  const history = { organizations: [logRecorded(), logRecorded()] };
  assert.deepEqual(await found(history), [`records: ${inboundId} has become a log, and was never received`]);
});

test('what was received twice under one id is found', async () => {
  assert.deepEqual(await found({ inbound: [...inbound, ...inbound], organizations: [logRecorded()] }), [
    `ids: ${inboundId} was received twice`,
  ]);
});

test('while an organization is being imported its records and what they were made of may come apart', async () => {
  const { organizationId } = organizationCreated();
  const mark = { organizationId, atMs: 0, importId: 'f' } as const;
  const begun = [{ type: 'OrganizationImportStarted', ...mark, runId: 'r' } as const, logRecorded()];
  assert.deepEqual(await found({ organizations: begun }), []);
  assert.deepEqual(await found({ inbound, organizations: begun.slice(0, 1) }), []);
  const ended = [...begun, { type: 'OrganizationImportEnded', ...mark } as const];
  assert.equal((await found({ organizations: ended })).length, 1, 'it has ended, and is not whole');
  assert.deepEqual(await found({ inbound: [logReceived({ imported: true })], organizations: ended }), []);
});

test('what may have been pruned is not missed', async () => {
  const horizonMs = Date.UTC(2027, 0, 1);
  assert.deepEqual(await found({ inbound }, { horizonMs }), []);
  assert.deepEqual(await found({ organizations: [logRecorded()] }, { horizonMs }), []);
});
