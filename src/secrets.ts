// Secrets: made, hashed and sealed. Tokens that we only check are kept as SHA-256 (they have 192 random bits, so
// no slow hash is needed); secrets that we must send or sign with are sealed with AES-256-GCM under the master
// key, so that whoever gets the data files alone has none of them.

import { createCipheriv, createDecipheriv, createHash, hash, randomBytes } from 'node:crypto';

/** Seals and opens secrets under one master key. */
export interface SecretBox {
  /** Tells the master key from others, and nothing else of it: it stands in every sealed secret. */
  readonly keyId: string;
  /** `sealed.v1.<key id>.<nonce><ciphertext><tag in base64url>`; another text each time. */
  seal(secret: string): string;
  /** What was sealed. Throws SecretUnreadable if it was sealed under another master key, or changed. */
  open(sealed: string): string;
}

/** A sealed secret cannot be opened with this master key. */
export class SecretUnreadable extends Error {
  readonly code = 'SECRET_UNREADABLE';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SecretUnreadable';
  }
}

export const MASTER_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A box for a master key of 32 bytes. */
export function createSecretBox(masterKey: Buffer): SecretBox {
  const keyId = createHash('sha256')
    .update('hooklane master key id')
    .update(masterKey)
    .digest('hex')
    .slice(0, 8);
  return {
    keyId,
    seal(secret) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', masterKey, nonce);
      const sealed = Buffer.concat([
        nonce,
        cipher.update(secret, 'utf8'),
        cipher.final(),
        cipher.getAuthTag(),
      ]);
      return `sealed.v1.${keyId}.${sealed.toString('base64url')}`;
    },
    open(sealed) {
      const [scheme, version, sealedWith, text = ''] = sealed.split('.');
      if (scheme !== 'sealed' || version !== 'v1') throw new SecretUnreadable('not a sealed secret');
      if (sealedWith !== keyId) {
        throw new SecretUnreadable(
          `the secrets in the log were sealed under another master key (${sealedWith}, not ${keyId}): ` +
            'put the file master-key back, or set HOOKLANE_MASTER_KEY to what it was',
        );
      }
      const bytes = Buffer.from(text, 'base64url');
      // Node throws another error for a nonce that is too short, and takes a tag that is.
      if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new SecretUnreadable('a sealed secret was cut off');
      const decipher = createDecipheriv('aes-256-gcm', masterKey, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        const opened = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
        return Buffer.concat([opened, decipher.final()]).toString('utf8');
      } catch (error) {
        throw new SecretUnreadable('a sealed secret was changed', { cause: error });
      }
    },
  };
}

/** SHA-256 of a token, hexadecimal: how tokens are kept. */
export function hashToken(token: string): string {
  return hash('sha256', token, 'hex');
}

/** A new Bearer token, `<prefix>_` and 192 random bits in base64url. */
export function newToken(prefix: 'orgs' | 'ints' | 'admin' | 'adm'): string {
  return `${prefix}_${randomBytes(24).toString('base64url')}`;
}

/** A new signing secret: `whsec_` and 32 random bytes in base64, as Standard Webhooks has it. */
export function newSigningSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
