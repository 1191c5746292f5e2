import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureOf } from '../../src/dispatch/failure.ts';

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

test('what has a code that says something to people is told in its own words, in one line', () => {
  const refused = coded('ECONNREFUSED', 'connect ECONNREFUSED 192.0.2.1:80');
  assert.deepEqual(failureOf(refused), { error: 'refused', detail: 'connect ECONNREFUSED 192.0.2.1:80' });
  const unreachable = coded('EHOSTUNREACH', 'connect EHOSTUNREACH 192.0.2.1:80');
  assert.deepEqual(failureOf(unreachable), { error: 'network', detail: 'connect EHOSTUNREACH 192.0.2.1:80' });
  const tls = coded('ERR_SSL_WRONG_VERSION_NUMBER', 'wrong version number\nof TLS\n');
  assert.deepEqual(failureOf(tls), { error: 'tls', detail: 'wrong version number' });
});

test('what the parser says of an answer that it cannot read is told', () => {
  const unread = Object.assign(new Error('not HTTP/1.1 (Expected dot)'), { name: 'HTTPParserError' });
  assert.deepEqual(failureOf(unread), { error: 'network', detail: 'not HTTP/1.1 (Expected dot)' });
});

test('of several addresses that could not be connected to the first is told', () => {
  const first = coded('ECONNREFUSED', 'connect ECONNREFUSED ::1:80');
  const both = new AggregateError([first, coded('ETIMEDOUT', 'connect ETIMEDOUT 127.0.0.1:80')]);
  assert.deepEqual(failureOf(both), { error: 'refused', detail: 'connect ECONNREFUSED ::1:80' });
});

test('what tells of the insides of a library is told in our words', () => {
  const detail = 'what came back could not be understood';
  const internal = new assert.AssertionError({
    message: 'evaluated to a falsy value:\n\n  assert(upgrade)\n',
  });
  for (const error of [internal, new TypeError("reading 'kQueue'"), coded('ERR_ASSERTION', '')])
    assert.deepEqual(failureOf(error), { error: 'network', detail });
});
