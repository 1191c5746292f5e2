import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SecretsResealed } from '../src/events.ts';
import { reseal } from '../src/sealed.ts';

function resealed(secrets: Record<string, string>): SecretsResealed {
  return { type: 'SecretsResealed', organizationId: 'org_1', atMs: 0, secrets };
}

test('what was sealed anew takes the place of what it was, wherever that stands', () => {
  const organization = { secret: 'o1' };
  const endpoints = [
    { secret: 'a1', previousSecrets: [{ secret: 'b1', untilMs: 5 }] },
    { secret: 'c1', previousSecrets: [] },
  ];
  reseal(organization, endpoints, resealed({ o1: 'o2', a1: 'a2', b1: 'b2' }));
  assert.deepEqual(organization, { secret: 'o2' });
  assert.deepEqual(endpoints, [
    { secret: 'a2', previousSecrets: [{ secret: 'b2', untilMs: 5 }] },
    { secret: 'c1', previousSecrets: [] },
  ]);
});

test('a secret that was rotated meanwhile is not put back', () => {
  const organization = { secret: 'new' };
  const endpoint = { secret: 'newer', previousSecrets: [{ secret: 'old', untilMs: 5 }] };
  reseal(organization, [endpoint], resealed({ o1: 'o2', old: 'old anew' }));
  assert.deepEqual(organization, { secret: 'new' });
  assert.deepEqual(endpoint, { secret: 'newer', previousSecrets: [{ secret: 'old anew', untilMs: 5 }] });
});

test('an organization that is deleted stays so', () => {
  const organization = { secret: null };
  reseal(organization, [], resealed({ o1: 'o2' }));
  assert.deepEqual(organization, { secret: null });
});
