import assert from 'node:assert/strict';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  createSecretBox,
  hashToken,
  keyIdOf,
  type MasterKeys,
  newSigningSecret,
  newToken,
  SecretUnreadable,
  sealedUnder,
} from '../src/secrets.ts';

const masterKey = Buffer.alloc(32, 7);

test('what is sealed is opened again, whatever it is', () => {
  const { seal, open } = createSecretBox([masterKey]);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (secret) => {
      const sealed = seal(secret);
      assert.match(sealed, /^sealed\.v1\.[0-9a-f]{8}\.[\w-]+$/);
      assert.equal(open(sealed), secret);
    }),
  );
});

test('the same secret is sealed to another text each time, none of which shows it', () => {
  const { seal } = createSecretBox([masterKey]);
  const sealed = Array.from({ length: 100 }, () => seal('orgs_secret'));
  assert.equal(new Set(sealed).size, 100);
  for (const text of sealed) {
    assert.ok(!Buffer.from(text.split('.').at(-1) ?? '', 'base64url').includes('orgs_secret'));
  }
});

test('what another process with the same master key has sealed can be opened', () => {
  const sealed = createSecretBox([masterKey]).seal('orgs_secret');
  assert.equal(createSecretBox([Buffer.from(masterKey)]).open(sealed), 'orgs_secret');
});

test('what AES-256-GCM sealed under the bytes of the master key is opened', () => {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', masterKey, nonce);
  const parts = [nonce, cipher.update('orgs_secret', 'utf8'), cipher.final(), cipher.getAuthTag()];
  const sealed = `sealed.v1.${keyIdOf(masterKey)}.${Buffer.concat(parts).toString('base64url')}`;
  assert.equal(createSecretBox([masterKey]).open(sealed), 'orgs_secret');
});

test('under another master key nothing is opened, and both keys are named, neither is told', () => {
  const sealed = createSecretBox([masterKey]).seal('orgs_secret');
  const otherKey = randomBytes(32);
  assert.throws(
    () => createSecretBox([otherKey]).open(sealed),
    (error) => {
      assert.ok(error instanceof SecretUnreadable);
      assert.equal(error.code, 'SECRET_UNREADABLE');
      assert.match(
        error.message,
        /sealed under another master key \([0-9a-f]{8}, not [0-9a-f]{8}\): put the file master-key back/,
      );
      for (const key of [masterKey, otherKey]) assert.ok(!error.message.includes(key.toString('hex')));
      return true;
    },
  );
});

test('a sealed secret of which one bit was changed is refused', () => {
  const { seal, open } = createSecretBox([masterKey]);
  const [scheme, version, keyId, text = ''] = seal('orgs_secret').split('.');
  const bytes = Buffer.from(text, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const sealed = [scheme, version, keyId, changed.toString('base64url')].join('.');
    assert.throws(() => open(sealed), SecretUnreadable, `bit ${bit}`);
  }
});

test('what was never sealed, or was cut off, is refused as unreadable', () => {
  const { seal, open } = createSecretBox([masterKey]);
  const sealed = seal('orgs_secret');
  const start = sealed.slice(0, sealed.lastIndexOf('.') + 1);
  const wrong = ['', 'orgs_secret', 'sealed', 'sealed.v1', 'sealed.v2.00000000.AAAA', start];
  for (let length = start.length; length < sealed.length; length++) wrong.push(sealed.slice(0, length));
  for (const text of wrong) assert.throws(() => open(text), SecretUnreadable, text);
});

test('a token is kept as its SHA-256', () => {
  const sha256 = createHash('sha256').update('ints_abc').digest('hex');
  assert.equal(hashToken('ints_abc'), sha256);
});

test('new tokens and signing secrets tell what they are, and are never the same', () => {
  for (const prefix of ['orgs', 'ints', 'admin'] as const) {
    assert.match(newToken(prefix), new RegExp(`^${prefix}_[\\w-]{32}$`));
  }
  assert.match(newSigningSecret(), /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.equal(Buffer.from(newSigningSecret().slice('whsec_'.length), 'base64').length, 32);
  assert.equal(new Set(Array.from({ length: 1_000 }, () => newToken('ints'))).size, 1_000);
});

test('of several master keys the first seals, and all of them open', () => {
  const otherKey = randomBytes(32);
  const before = createSecretBox([masterKey]).seal('orgs_secret');
  const box = createSecretBox([otherKey, masterKey]);
  assert.deepEqual(box.keyIds, [keyIdOf(otherKey), keyIdOf(masterKey)]);
  assert.equal(box.keyId, keyIdOf(otherKey));
  assert.equal(sealedUnder(box.seal('orgs_secret')), keyIdOf(otherKey));
  assert.equal(box.open(before), 'orgs_secret');
  assert.throws(() => createSecretBox([otherKey, randomBytes(32)]).open(before), / not \w{8} or \w{8}\)/);
});

test('a key that comes to be there is used from then on', () => {
  const otherKey = randomBytes(32);
  let keys: MasterKeys = [masterKey];
  const box = createSecretBox(keys, () => keys);
  keys = [otherKey, masterKey];
  assert.equal(box.open(createSecretBox([otherKey]).seal('new')), 'new');
  keys = [masterKey];
  assert.equal(sealedUnder(box.seal('x')), keyIdOf(masterKey));
});
