import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { judgeMachine, lookAtMachine, type Machine, openFilesIn } from '../../../src/cli/doctor/machine.ts';

const GIB = 2 ** 30;
const WELL: Machine = {
  node: '24.15.0',
  nowMs: Date.UTC(2026, 5, 1),
  disk: { path: '/data', freeBytes: 50 * GIB, totalBytes: 100 * GIB },
  openFiles: 65_536,
};

function states(machine: Partial<Machine>): Record<string, string> {
  return Object.fromEntries(judgeMachine({ ...WELL, ...machine }).map(({ name, state }) => [name, state]));
}

test('a machine on which nothing is short is well', () => {
  assert.deepEqual(states({}), { versions: 'ok', clock: 'ok', disk: 'ok', 'open files': 'ok' });
  assert.equal(states({ openFiles: undefined })['open files'], undefined);
});

test('little room on the disk is a warning, hardly any a problem', () => {
  const disk = (freeBytes: number, totalBytes = 100 * GIB) =>
    states({ disk: { path: '/data', freeBytes, totalBytes } }).disk;
  assert.deepEqual(
    [disk(6 * GIB), disk(4 * GIB), disk(GIB / 2, GIB), disk(GIB / 16)],
    ['ok', 'warning', 'warning', 'problem'],
  );
  assert.equal(states({ disk: { error: 'gone' } }).disk, 'warning');
});

test('few files that may be open are a warning, and so is no clock before this release', () => {
  assert.equal(states({ openFiles: 1_024 })['open files'], 'warning');
  assert.equal(states({ openFiles: Number.POSITIVE_INFINITY })['open files'], 'ok');
  assert.equal(states({ nowMs: 0 }).clock, 'problem');
});

test('the limit of open files is read as Linux tells it', () => {
  const limits =
    'Limit        Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n';
  assert.equal(openFilesIn(limits), 1_024);
  assert.equal(openFilesIn(limits.replace('1024', 'unlimited')), Number.POSITIVE_INFINITY);
  assert.equal(openFilesIn(''), undefined);
});

test('this machine can be asked; a path that is not there is told', () => {
  const { disk, node } = lookAtMachine(import.meta.dirname, Date.now());
  assert.ok('freeBytes' in disk && disk.totalBytes >= disk.freeBytes && disk.totalBytes > 0);
  assert.equal(node, process.versions.node);
  assert.ok('error' in lookAtMachine(join(import.meta.dirname, 'nowhere'), 0).disk);
});
