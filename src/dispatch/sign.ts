// Signatures as Standard Webhooks has them: HMAC-SHA256 over `<webhook-id>.<timestamp>.<body>`, in base64, one
// entry for each secret that is valid now. Source: standardwebhooks.com, "Signature scheme". Pure.

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/** The key that a signing secret (`whsec_` and base64) stands for. To be kept: making one costs as much as signing. */
export function signingKey(secret: string): KeyObject {
  return createSecretKey(Buffer.from(secret.slice('whsec_'.length), 'base64'));
}

/** The value of the header `webhook-signature`. `timestamp` is in seconds. */
export function signature(
  keys: readonly KeyObject[],
  webhookId: string,
  timestamp: number,
  body: Buffer,
): string {
  return keys.map((key) => `v1,${hmac(key, webhookId, timestamp, body)}`).join(' ');
}

function hmac(key: KeyObject, webhookId: string, timestamp: number, body: Buffer): string {
  return createHmac('sha256', key).update(`${webhookId}.${timestamp}.`).update(body).digest('base64');
}

/** How far a webhook's timestamp may be from now, as Standard Webhooks recommends. */
const TOLERANCE_S = 300;

/** Whether a signature header has an entry by `secret` for this webhook, made within five minutes of `nowMs`. */
export function verifies(
  header: string,
  secret: string,
  webhook: { id: string; timestamp: number; body: Buffer },
  nowMs: number,
): boolean {
  if (!(Math.abs(nowMs / 1000 - webhook.timestamp) <= TOLERANCE_S)) return false;
  const expected = Buffer.from(signature([signingKey(secret)], webhook.id, webhook.timestamp, webhook.body));
  return header.split(' ').some((entry) => {
    const given = Buffer.from(entry);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
