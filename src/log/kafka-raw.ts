// Requests of the protocol that the client does not know: where a group stands, without what a transaction has still
// to decide (OffsetFetch 7, KIP-447); what we may do with a topic (Metadata 8, KIP-430); how large the topics are on
// a broker (DescribeLogDirs 1). Source: kafka.apache.org/protocol.

import { inTime } from './kafka-deadline.ts';
import { type Broker, type Cluster, protocolError } from './kafka-wire.ts';

const METADATA = 3;
const OFFSET_FETCH = 9;
const DESCRIBE_LOG_DIRS = 35;

/** What a right is called, by its place among the bits that a broker answers with. */
const OPERATIONS = { READ: 3, WRITE: 4, DESCRIBE: 8 } as const;
export type Operation = keyof typeof OPERATIONS;

/** What stands at a group's position in a partition. */
export interface GroupPosition {
  /** 0 where there is none. */
  offset: number;
  /** What was committed with it; empty where there is none. */
  mark: string;
}

/**
 * Where the group stands in each of these partitions. Rejects with UNSTABLE_OFFSET_COMMIT, which passes, while a
 * transaction that moves a position is decided and not yet written everywhere: older versions of the request
 * answer with what was before.
 */
export async function stablePositions(
  broker: Broker,
  { groupId, topic, partitions }: { groupId: string; topic: string; partitions: readonly number[] },
): Promise<GroupPosition[]> {
  const asked = Buffer.concat(partitions.map(int32));
  // From version 6 on, header and structures end with tagged fields, of which there are none.
  const answer = await send(broker, OFFSET_FETCH, 7, [
    NO_TAGS,
    compact(groupId),
    Buffer.of(2),
    compact(topic),
    unsigned(partitions.length + 1),
    asked,
    NO_TAGS,
    Buffer.of(1),
    NO_TAGS,
  ]);
  answer.tags();
  answer.int32();
  const found = new Map<number, GroupPosition>();
  answer.eachCompact(() => {
    answer.compactString();
    answer.eachCompact(() => {
      const partition = answer.int32();
      const offset = answer.int64();
      answer.int32();
      const mark = answer.compactString();
      fail(answer.int16());
      answer.tags();
      found.set(partition, { offset: Math.max(0, offset), mark });
    });
    answer.tags();
  });
  fail(answer.int16());
  return partitions.map((partition) => found.get(partition) ?? { offset: 0, mark: '' });
}

function fail(code: number): void {
  if (code !== 0) throw protocolError(code);
}

/** Which of these operations each topic does not allow us. */
export async function missingOperations(
  broker: Broker,
  topics: readonly string[],
  operations: readonly Operation[],
): Promise<{ topic: string; missing: Operation[] }[]> {
  const yes = Buffer.of(1);
  const no = Buffer.of(0);
  const answer = await send(broker, METADATA, 8, [strings(topics), no, no, yes]);
  answer.int32();
  answer.each(() => {
    answer.int32();
    answer.string();
    answer.int32();
    answer.string();
  });
  answer.string();
  answer.int32();
  return answer.each(() => {
    answer.int16();
    const topic = answer.string() ?? '';
    answer.int8();
    answer.each(() => {
      answer.int16();
      for (let field = 0; field < 3; field++) answer.int32();
      for (let list = 0; list < 3; list++) answer.each(() => answer.int32());
    });
    const allowed = answer.int32();
    return {
      topic,
      missing: operations.filter((operation) => (allowed & (1 << OPERATIONS[operation])) === 0),
    };
  });
}

/** Bytes of each of these topics on the disks of all brokers; 0 where we may not know. */
export async function bytesOnDisk<T extends string>(
  cluster: Cluster,
  topics: Readonly<Record<T, string>>,
): Promise<Record<T, number>> {
  await cluster.refreshMetadata();
  const bytes = new Map<string, number>();
  for (const nodeId of cluster.getNodeIds()) {
    const broker = await cluster.findBroker({ nodeId: Number(nodeId) });
    for (const [name, onBroker] of await bytesOnBroker(broker))
      bytes.set(name, (bytes.get(name) ?? 0) + onBroker);
  }
  const entries = (Object.entries(topics) as [T, string][]).map(([topic, name]) => [
    topic,
    bytes.get(name) ?? 0,
  ]);
  return Object.fromEntries(entries);
}

/** For each topic, by name, a part of its bytes. */
async function bytesOnBroker(broker: Broker): Promise<[topic: string, bytes: number][]> {
  const answer = await send(broker, DESCRIBE_LOG_DIRS, 1, [int32(-1)]);
  answer.int32();
  const directories = answer.each(() => {
    answer.int16();
    answer.string();
    return answer.each((): [string, number] => {
      const name = answer.string() ?? '';
      const ofPartitions = answer.each(() => {
        answer.int32();
        const bytes = answer.int64();
        answer.int64();
        answer.int8();
        return bytes;
      });
      return [name, sum(ofPartitions)];
    });
  });
  return directories.flat();
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const NO_TAGS = Buffer.of(0);

/** A variable-length integer, seven bits a byte, the lowest first. */
function unsigned(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

function compact(text: string): Buffer {
  return Buffer.concat([unsigned(Buffer.byteLength(text) + 1), Buffer.from(text)]);
}

function strings(values: readonly string[]): Buffer {
  const encoded = values.flatMap((value) => {
    const length = Buffer.alloc(2);
    length.writeInt16BE(Buffer.byteLength(value));
    return [length, Buffer.from(value)];
  });
  return Buffer.concat([int32(values.length), ...encoded]);
}

async function send(broker: Broker, apiKey: number, apiVersion: number, parts: Buffer[]): Promise<Answer> {
  const buffer = Buffer.concat(parts);
  const answer = broker.connectionPool.send({
    // The client takes what it is given for an encoder of its own.
    request: { apiKey, apiVersion, apiName: `${apiKey}`, encode: async () => ({ buf: buffer, buffer }) },
    response: { decode: async (bytes) => ({ bytes }), parse: async ({ bytes }) => answerIn(bytes) },
  });
  return inTime(answer);
}

/** Reads one field after the other. */
type Answer = ReturnType<typeof answerIn>;

function answerIn(bytes: Buffer) {
  let at = 0;
  const skip = (length: number) => {
    at += length;
    return at - length;
  };
  const int16 = () => bytes.readInt16BE(skip(2));
  const int32 = () => bytes.readInt32BE(skip(4));
  const unsigned = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes.readUInt8(skip(1));
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  return {
    int8: () => bytes.readInt8(skip(1)),
    int16,
    int32,
    int64: () => Number(bytes.readBigInt64BE(skip(8))),
    string(): string | undefined {
      const length = int16();
      if (length < 0) return undefined;
      const start = skip(length);
      return bytes.toString('utf8', start, start + length);
    },
    compactString(): string {
      const length = Math.max(0, unsigned() - 1);
      const start = skip(length);
      return bytes.toString('utf8', start, start + length);
    },
    eachCompact<T>(element: () => T): T[] {
      return Array.from({ length: Math.max(0, unsigned() - 1) }, element);
    },
    tags(): void {
      for (let count = unsigned(); count > 0; count--) {
        unsigned();
        skip(unsigned());
      }
    },
    /** A list: calls `element` for each. */
    each<T>(element: () => T): T[] {
      return Array.from({ length: Math.max(0, int32()) }, element);
    },
  };
}
