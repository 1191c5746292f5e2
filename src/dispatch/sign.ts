// Signatures as Standard Webhooks has them: HMAC-SHA256 over `<webhook-id>.<timestamp>.<body>`, in base64, one
// entry for each secret that is valid now. Source: standardwebhooks.com, "Signature scheme". Pure.

import { createHmac } from 'node:crypto';

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
