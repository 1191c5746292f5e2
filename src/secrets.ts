// Secrets: made, hashed and sealed. Tokens that we only check are kept as SHA-256 (they have 192 random bits, so
// no slow hash is needed); secrets that we must send or sign with are sealed with AES-256-GCM under the master
// key, so that whoever gets the data files alone has none of them.

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hash,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

/** Master keys: the first one seals, all of them open. */
export type MasterKeys = readonly [Buffer, ...Buffer[]];

/** Seals and opens secrets under master keys. */
export interface SecretBox {
  /** Tells the master key that seals from others, and nothing else of it: it stands in every sealed secret. */
  readonly keyId: string;
  /** Of all of them, that one first. */
  readonly keyIds: readonly string[];
  /** Looks up which master keys there are by now. */
  refresh(): void;
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

/** What a master key of 32 bytes is called. */
export function keyIdOf(masterKey: Buffer): string {
  const hash = createHash('sha256').update('hooklane master key id').update(masterKey);
  return hash.digest('hex').slice(0, 8);
}

/** The id of the master key that a secret was sealed under. Throws SecretUnreadable. */
export function sealedUnder(sealed: string): string {
  const [scheme, version, keyId = ''] = sealed.split('.');
  if (scheme !== 'sealed' || version !== 'v1') throw new SecretUnreadable('not a sealed secret');
  return keyId;
}

/**
 * A box for master keys. `reload` gives what they are by now: it is asked before each sealing, so that a key that was put
 * before the others is used from then on, and where a secret was sealed under a key that is not known.
 */
export function createSecretBox(first: MasterKeys, reload: () => MasterKeys = () => first): SecretBox {
  let keys = byId(first);

  function refresh(): void {
    keys = byId(reload());
  }

  function find(keyId: string): KeyObject {
    const known = keys.get(keyId);
    if (known !== undefined) return known;
    refresh();
    const found = keys.get(keyId);
    if (found !== undefined) return found;
    throw new SecretUnreadable(
      `the secrets in the log were sealed under another master key (${keyId}, not ${[...keys.keys()].join(' or ')}): ` +
        'put the file master-key back, or set HOOKLANE_MASTER_KEY to what it was',
    );
  }

  return {
    get keyId() {
      return firstOf(keys)[0];
    },
    get keyIds() {
      return [...keys.keys()];
    },
    refresh,
    seal(secret) {
      refresh();
      const [keyId, masterKey] = firstOf(keys);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', masterKey, nonce);
      const parts = [nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()];
      return `sealed.v1.${keyId}.${Buffer.concat(parts).toString('base64url')}`;
    },
    open(sealed) {
      const masterKey = find(sealedUnder(sealed));
      const bytes = Buffer.from(sealed.split('.')[3] ?? '', 'base64url');
      // Node throws another error for a nonce that is too short, and takes a tag that is.
      if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new SecretUnreadable('a sealed secret was cut off');
      const decipher = createDecipheriv('aes-256-gcm', masterKey, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        const opened = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
        // Of GCM nothing more comes at the end: it throws where something was changed.
        decipher.final();
        return opened.toString('utf8');
      } catch (error) {
        throw new SecretUnreadable('a sealed secret was changed', { cause: error });
      }
    },
  };
}

/**
 * In the order in which they are given. As key objects: opening takes 7 µs, where Node is handed the bytes each time 40 µs,
 * and that is paid by each request to an endpoint that is new to the sender.
 */
function byId(keys: MasterKeys): ReadonlyMap<string, KeyObject> {
  return new Map(keys.map((key) => [keyIdOf(key), createSecretKey(key)]));
}

function firstOf(keys: ReadonlyMap<string, KeyObject>): [keyId: string, masterKey: KeyObject] {
  for (const entry of keys) return entry;
  throw new Error('there is no master key');
}

/** SHA-256 of a token, hexadecimal: how tokens are kept. */
export function hashToken(token: string): string {
  return hash('sha256', token, 'hex');
}

/** How Bearer tokens begin: of an organization, an integration, the installation, and those made for administration. */
export const TOKEN_PREFIXES = ['orgs', 'ints', 'admin', 'adm'] as const;

/** A new Bearer token, `<prefix>_` and 192 random bits in base64url. */
export function newToken(prefix: (typeof TOKEN_PREFIXES)[number]): string {
  return `${prefix}_${randomBytes(24).toString('base64url')}`;
}

/** A new signing secret: `whsec_` and 32 random bytes in base64, as Standard Webhooks has it. */
export function newSigningSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
