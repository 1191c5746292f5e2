import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examineLimits } from '../../../src/cli/doctor/limits.ts';
import { loadConfig } from '../../../src/config.ts';
import { missing, redisUrl } from '../../support/engines.ts';
import { freePort } from '../../support/server.ts';

const examine = (redis: string) => examineLimits(loadConfig({ HOOKLANE_REDIS: redis }));

test('without a Redis there is nothing to look at', async () => {
  assert.deepEqual((await examine('')).state, 'ok');
});

test('a Redis that is there is told with its version', { skip: missing('redis') }, async () => {
  const { state, detail } = await examine(redisUrl ?? '');
  assert.equal(state, 'ok');
  assert.match(detail, /^posts are counted in Redis \d+\.\d+\.\d+ at redis:\/\//);
});

test('one that is away, or does not let us in, is a warning that says why, and no password', async () => {
  const away = await examine(`redis://:hunter2@127.0.0.1:${await freePort()}`);
  assert.equal(away.state, 'warning');
  assert.match(away.detail, /ECONNREFUSED/);
  assert.doesNotMatch(JSON.stringify(away), /hunter2/);
});

test('a password that is wrong is told', { skip: missing('redis') }, async () => {
  const { state, detail } = await examine((redisUrl ?? '').replace('//', '//somebody:hunter2@'));
  assert.equal(state, 'warning');
  assert.match(detail, /WRONGPASS|invalid username-password/);
  assert.doesNotMatch(detail, /hunter2/);
});
