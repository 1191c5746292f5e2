import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutboundEvent } from '../../src/events.ts';
import type { WebhookId } from '../../src/ids.ts';
import { createOpenWebhooks } from '../../src/transfer/open-webhooks.ts';
import { attemptStarted, processed, scheduled } from '../dispatch/story.ts';

const webhookId = 'wh_1' as const;
const begins = scheduled({ webhookId });
const tries = attemptStarted({ webhookId });
const ends = processed({ webhookId });
const again: OutboundEvent = { ...tries, type: 'WebhookRetried', dueAtMs: 0 };

function agree(pending: WebhookId[], ...events: OutboundEvent[]): boolean {
  const open = createOpenWebhooks(new Set(pending));
  for (const event of events) open.take(event);
  return open.agree();
}

test('a lane and a history of the same moment agree on what is pending', () => {
  assert.ok(agree([]));
  assert.ok(agree([webhookId], begins, tries));
  assert.ok(agree([], begins, tries, ends));
  assert.ok(agree([webhookId], begins, tries, ends, again));
  assert.ok(agree([webhookId]), 'its beginning may be pruned');
});

test('what is pending in one of them alone is found', () => {
  assert.ok(!agree([webhookId], begins, tries, ends), 'it would be sent twice');
  assert.ok(!agree([], begins, tries), 'it would never be sent');
  assert.ok(!agree([], begins, tries, ends, again));
});
