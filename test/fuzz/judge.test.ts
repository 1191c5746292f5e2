import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, NoAnswer, readAnswer } from './answers.ts';
import { newWorld, routeOf } from './grammar.ts';
import { createJudge, newAccount, wrongAnswer, wrongLog } from './judge.ts';
import type { Sent } from './requests.ts';

const PROBLEM = { type: 'urn:hooklane:problem:x', title: 'T', status: 404, detail: 'D' };

function problem(status: number, fields: object = {}, headers: Record<string, string> = {}): Answer {
  const body = JSON.stringify({ ...PROBLEM, status, ...fields });
  return { status, headers: { 'content-type': 'application/problem+json; charset=utf-8', ...headers }, body };
}

test('an answer is wrong that is a fault of ours, no problem, or tells of the inside', () => {
  assert.equal(wrongAnswer(problem(404)), undefined);
  assert.equal(wrongAnswer({ status: 200, headers: {}, body: '' }), undefined);
  const busy = problem(503, { type: 'urn:hooklane:problem:busy' }, { 'retry-after': '1' });
  assert.equal(wrongAnswer(busy, true), undefined);
  const wrong: Answer[] = [
    ...[busy, problem(500), problem(302), problem(401), problem(405), problem(422), problem(429)],
    { ...problem(404), headers: { 'content-type': 'application/json' } },
    { ...problem(404), body: 'no JSON' },
    problem(404, { status: 400 }),
    problem(404, { type: 'about:blank' }),
    problem(404, { detail: '' }),
    problem(404, { detail: 'Error: x\n    at run (main.js:1)' }),
    problem(404, { detail: 'ENOENT /tmp/hooklane' }),
  ];
  for (const answer of wrong) assert.ok(wrongAnswer(answer), JSON.stringify(answer));
});

test('what was accepted of somebody who may not is found, and what no route takes', () => {
  const { take } = createJudge(newWorld('', ''), 'secret');
  const sent = (path: string, token: string): Sent => ({
    ...{ route: '', method: 'GET', path, query: '', body: undefined },
    headers: [['authorization', `Bearer ${token}`]],
  });
  const answer = { status: 200, headers: { 'x-request-id': '1' }, body: '{}' };
  assert.equal(take(sent('/api/v1/logs', 'secret'), answer), undefined);
  assert.match(String(take(sent('/api/v1/logs', 'secre'), answer)), /may not/);
  assert.match(String(take(sent('/api/v1/logz', 'secret'), answer)), /no such route/);
});

test('a log that holds less or more than was accepted is found', () => {
  const account = newAccount();
  account.exactly.set('LogReceived', 2);
  account.exactly.set('WebhookRetryRequested', 2);
  account.inbound.add('in_1').add('in_2');
  account.doubtful.add(7);
  const inbound = new Map<string, number | undefined>([
    ['in_1', undefined],
    ['in_2', undefined],
  ]);
  assert.deepEqual(wrongLog(account, new Map([['LogReceived', 2]]), inbound), []);
  // One that was cut off before it was answered may be there.
  assert.deepEqual(wrongLog(account, new Map([['LogReceived', 3]]), new Map([...inbound, ['in_3', 7]])), []);
  const [wrong, unanswered] = wrongLog(
    account,
    new Map([['LogReceived', 3]]),
    new Map([...inbound, ['in_3', 8]]),
  );
  assert.match(String(wrong), /3 events LogReceived, where answers account for 2/);
  assert.match(String(unanswered), /in_3 is in the log and was not answered 201/);
  const [less, lost] = wrongLog(account, new Map([['LogReceived', 1]]), new Map([['in_1', undefined]]));
  assert.match(String(less), /1 events LogReceived/);
  assert.match(String(lost), /in_2 was answered 201 and is not in the log/);
  const others = new Map([
    ['LogReceived', 2],
    ['ProjectDeleted', 1],
    ['WebhookRetryRequested', 3],
  ] as const);
  assert.equal(wrongLog(account, others, inbound).length, 2);
});

test('answers are read whole, one after the other, and what is none is refused', () => {
  const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
  const bytes = Buffer.from(`HTTP/1.1 100 Continue\r\n\r\n${chunked}HTTP/1.1 204 No Content\r\n\r\n`);
  const first = readAnswer(bytes, 'GET', false);
  assert.deepEqual([first?.answer.status, first?.answer.body], [200, 'abc']);
  assert.equal(readAnswer(bytes.subarray(first?.end), 'GET', false)?.answer.status, 204);
  assert.equal(readAnswer(bytes.subarray(0, bytes.length - 45), 'GET', false), undefined);
  const long = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc');
  assert.equal(readAnswer(long, 'GET', true), undefined);
  assert.equal(readAnswer(long, 'HEAD', false)?.answer.body, '');
  assert.throws(() => readAnswer(Buffer.from('nonsense\r\n\r\n'), 'GET', true), NoAnswer);
});

test('the route of a request is found however its path is written', () => {
  const nameOf = (method: string, path: string) => routeOf(method, path)?.name;
  assert.equal(nameOf('GET', '/api/v1/deliveries/stats'), 'GET /api/v1/deliveries/stats');
  assert.equal(nameOf('HEAD', '/api/v1/deliveries/wh_1'), 'GET /api/v1/deliveries/:id');
  assert.equal(nameOf('POST', 'http://a/api/v1/%6Frganizations'), 'POST /api/v1/organizations');
  assert.equal(nameOf('POST', '/api/v1/organizations/'), undefined);
});
