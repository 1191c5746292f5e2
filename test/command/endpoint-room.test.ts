import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointBytes, MAX_ENDPOINTS_BYTES } from '../../src/command/admin/endpoint-room.ts';
import { withEntry } from '../../src/dispatch/digest.ts';
import { newEndpoint, newLane } from '../../src/dispatch/lane.ts';
import { put } from '../../src/dispatch/small-map.ts';
import { laneSaved } from '../../src/dispatch/snapshot.ts';
import type { DigestState, EndpointSettings, WHEN_BUSY } from '../../src/events.ts';
import { newId } from '../../src/ids.ts';
import { encode } from '../../src/log/codec.ts';
import { createSecretBox, newSigningSecret } from '../../src/secrets.ts';
import { ENDPOINT, startWithOrganization } from './api.ts';
import { assertProblem } from './client.ts';

/** What Kafka takes of a record (kafka-topics.ts). */
const RECORD_BYTES = 2 * 1024 * 1024;
const NOW_MS = Date.UTC(2026, 10, 30);
const sealed = createSecretBox([Buffer.alloc(32, 1)]).seal(newSigningSecret());

const settingsOf = (whenBusy: (typeof WHEN_BUSY)[number], length: number): EndpointSettings => ({
  ...{
    url: `https://a.example/${'漢'.repeat(length)}`,
    events: Array<string>(50).fill('e'.repeat(length / 20)),
  },
  ...{ gapMs: 86_400_000, timeoutMs: 30_000, whenBusy, maxQueued: 10_000 },
  ...{ retriesMs: Array<number>(20).fill(86_400_000), status: 'disabled' },
  disabledReason: 'nothing was taken for 5 days in a row, though it was tried again and again',
});

/** A digest in which everything is as long as it may be. */
function worstDigest(): DigestState {
  let digest: DigestState | null = null;
  for (let n = 0; n < 100; n++) {
    const kind = `${n}`.padEnd(100, 'k');
    const entry = {
      eventId: newId('evt'),
      webhookId: newId('wh'),
      kind,
      atMs: NOW_MS,
      summary: '漢'.repeat(200),
    };
    digest = withEntry(digest, entry, NOW_MS);
  }
  assert.ok(digest);
  return digest;
}

for (const whenBusy of ['digest', 'omit'] as const)
  for (const length of [20, 2_000])
    test(`as many endpoints as may be (${whenBusy}, texts of ${length}) fit into a record`, () => {
      const settings = settingsOf(whenBusy, length);
      const count = Math.floor(MAX_ENDPOINTS_BYTES / endpointBytes(settings));
      const lane = newLane(newId('org'));
      lane.secret = sealed;
      for (let n = 0; n < count; n++) {
        const endpoint = newEndpoint(settings, newId('ep'), sealed);
        endpoint.previousSecrets = Array(5).fill({ secret: sealed, untilMs: NOW_MS });
        endpoint.lastStartedAtMs = endpoint.failingSinceMs = NOW_MS;
        endpoint.omitted = 1_000_000;
        endpoint.digest = whenBusy === 'digest' ? worstDigest() : null;
        endpoint.forgotten = { upTo: newId('wh'), untilMs: NOW_MS };
        lane.endpoints = put(lane.endpoints, endpoint.endpointId, endpoint);
      }
      const { length: bytes } = encode(laneSaved(lane));
      assert.ok(bytes < RECORD_BYTES, `${bytes}`);
    });

test('one more than there is room for is refused; what takes less room is always taken', async (t) => {
  const { call, ok, organization } = await startWithOrganization(t);
  const json = { ...ENDPOINT, whenBusy: 'digest' };
  const made: string[] = [];
  for (;;) {
    const answer = await call(`${organization}/endpoints`, { json });
    if (answer.status !== 201) {
      assertProblem(answer, 409);
      assert.match(answer.text, /urn:hooklane:problem:too-many-endpoints.*some 1,400, or 80/);
      break;
    }
    made.push(JSON.parse(answer.text).id);
  }
  assert.equal(made.length, 80);
  const patch = (id: string | undefined, change: object) =>
    call(`/api/v1/endpoints/${id}`, { method: 'PATCH', json: change });
  const one = await ok(`${organization}/endpoints`, { json: ENDPOINT });
  assertProblem(await patch(one.id, { whenBusy: 'digest' }), 409);
  assert.equal((await patch(made[0], { whenBusy: 'omit' })).status, 200);
  assert.equal((await patch(one.id, { whenBusy: 'digest' })).status, 200);
});
