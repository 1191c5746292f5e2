import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signature, signingKey } from '../../src/dispatch/sign.ts';

// The example of the Standard Webhooks specification.
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
const body = Buffer.from('{"test": 2432232314}');

test('a signature is the one of the Standard Webhooks example', () => {
  assert.equal(
    signature([signingKey(secret)], id, 1614265330, body),
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  );
});

test('each secret that is valid signs, the entries separated by a space', () => {
  const two = signature([secret, 'whsec_AAAA'].map(signingKey), id, 1614265330, body).split(' ');
  assert.equal(two.length, 2);
  assert.notEqual(two[0], two[1]);
});
