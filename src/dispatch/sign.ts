// Signatures as Standard Webhooks has them: HMAC-SHA256 over `<webhook-id>.<timestamp>.<body>`, in base64, one
// entry for each secret that is valid now. Source: standardwebhooks.com, "Signature scheme". Pure.

import { createHmac, timingSafeEqual } from 'node:crypto';

/** The value of the header `webhook-signature`. `timestamp` is in seconds, secrets are `whsec_` and base64. */
export function signature(
  secrets: readonly string[],
  webhookId: string,
  timestamp: number,
  body: Buffer,
): string {
  return secrets.map((secret) => `v1,${hmac(secret, webhookId, timestamp, body)}`).join(' ');
}

function hmac(secret: string, webhookId: string, timestamp: number, body: Buffer): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
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
  const expected = Buffer.from(signature([secret], webhook.id, webhook.timestamp, webhook.body));
  return header.split(' ').some((entry) => {
    const given = Buffer.from(entry);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
