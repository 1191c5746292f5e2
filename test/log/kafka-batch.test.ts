import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c, encodeProduce } from '../../src/log/kafka-batch.ts';

const require = createRequire(import.meta.url);
/** How the client encodes the same request. */
const clients = require('kafkajs/src/protocol/requests/produce/v7/request');

const message = fc.record({
  key: fc.string({ unit: 'grapheme', maxLength: 200 }),
  value: fc.option(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))),
});
const partition = fc.record({
  partition: fc.nat(),
  firstSequence: fc.nat(),
  messages: fc.array(message, { minLength: 1, maxLength: 200 }),
});
const topic = fc.record({
  topic: fc.string({ maxLength: 20 }),
  partitions: fc.array(partition, { maxLength: 3 }),
});
const request = fc.record({
  acks: fc.constant(-1 as const),
  timeout: fc.nat(),
  transactionalId: fc.option(fc.string({ minLength: 1, maxLength: 20 }), { nil: undefined }),
  producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
  producerEpoch: fc.nat({ max: 2 ** 15 - 1 }),
  topicData: fc.array(topic, { maxLength: 3 }),
});

test('a request has the bytes that the client makes of it', async (t) => {
  const nowMs = 1_790_000_000_000;
  t.mock.timers.enable({ apis: ['Date'], now: nowMs });
  await fc.assert(
    fc.asyncProperty(request, async (asked) => {
      const { buffer } = await clients(asked).encode();
      assert.ok(encodeProduce(asked, nowMs).equals(buffer));
    }),
    { numRuns: 50 },
  );
});

test('checksums are those of RFC 3720', () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, byte) => byte);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(ascending), 0x46dd794e);
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.from('x123456789y'), 1, 10), 0xe3069283);
});
