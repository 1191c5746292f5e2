// Who owns an input partition writes what comes of it, and moves the group's position on, in one transaction. Its
// transactional id is the partition's, so that the newest owner fences all before it: they change nothing any more.
//
//     open      InitProducerId: older owners are fenced, and what they had begun is aborted, or done if it was decided
//     commit    AddPartitions ─▶ records, and the position ─▶ EndTxn                       ◀── fenced here
//     in doubt  no answer to EndTxn: open again, and look whether our position is there
//     confirm   a broker was away: open again, as that ends what may hang of what was committed
//
// The position carries a mark that names the commit, so a commit in doubt is found out even where it did not move
// the position. Groups are not asked (no KIP-447 in the client): the id alone fences.

import { randomUUID } from 'node:crypto';
import type { Topic } from '../events.ts';
import type { Names } from './kafka-names.ts';
import { createProducer, type Producer } from './kafka-producer.ts';
import { type GroupPosition, stablePositions } from './kafka-raw.ts';
import type { OutgoingRecord } from './kafka-records.ts';
import {
  asLogError,
  type Broker,
  type Cluster,
  GROUP,
  isFencing,
  type ProducerId,
  persist,
  TRANSACTION,
} from './kafka-wire.ts';
import { Fenced, type Group, LogUnavailable } from './log.ts';

/** A transaction that is not ended by then is aborted by the broker: so long may a dead owner hold up readers. */
const TRANSACTION_TIMEOUT_MS = 10_000;
/** How long each step is tried. */
const STEP_WITHIN_MS = 5_000;

export interface OwnedInput {
  group: Group;
  topic: Topic;
  partition: number;
  /** How many partitions each topic has. */
  partitions: number;
}

/** To which topics goes what comes of a topic. */
const OUTPUTS: Readonly<Record<Topic, readonly Topic[]>> = {
  inbound: ['organizations'],
  organizations: ['organizations', 'outbound', 'lanes'],
  outbound: [],
  lanes: [],
};

/** Whether what comes of a partition goes to the partition of the same number. */
function isPartitionedLike(input: Topic, output: Topic): boolean {
  return input !== 'inbound' && output !== 'inbound';
}

export interface Transactions {
  /** Makes us the newest owner; resolves to the group's position, 0 where it has none. Rejects with LogUnavailable. */
  open(): Promise<number>;
  /**
   * Writes `records` and the position, both or none. Rejects with Fenced; with LogUnavailable when that has not been
   * done, or nobody can say: the next call is taken for the same one made again, and is done once.
   */
  commit(records: readonly OutgoingRecord[], upTo: number): Promise<void>;
  /**
   * To be called when a broker was away: ends what may hang of commits that were done. Rejects as commit() does; then
   * the next commit does it first.
   */
  confirm(): Promise<void>;
}

interface Session {
  id: ProducerId;
  producer: Producer;
}

export function createTransactions(cluster: Cluster, names: Names, input: OwnedInput): Transactions {
  const { group, topic, partition } = input;
  const allPartitions = Array.from({ length: input.partitions }, (_, number) => number);
  const transactionalId = names.transactionalId(group, topic, partition);
  const groupId = names.group(group);
  const coordinators = new Map<0 | 1, Broker>();
  /** Tells our commits from everybody else's. */
  const own = randomUUID();
  let commits = 0;
  let session: Session | undefined;
  /** The mark of what was last seen committed. */
  let lastMark = '';
  /** The mark of a commit of which nobody knows whether it was done. */
  let inDoubt: string | undefined;

  async function coordinator(type: 0 | 1): Promise<Broker> {
    const known = coordinators.get(type);
    if (known !== undefined) return known;
    const id = type === TRANSACTION ? transactionalId : groupId;
    const found = await cluster.findGroupCoordinator({ groupId: id, coordinatorType: type });
    coordinators.set(type, found);
    return found;
  }

  /** Asks a coordinator, again while it is busy or has moved. */
  function ask<T>(type: 0 | 1, request: (broker: Broker) => Promise<T>): Promise<T> {
    return persist(async () => request(await coordinator(type)), {
      forMs: STEP_WITHIN_MS,
      isFinal: isFencing,
      async refresh() {
        coordinators.clear();
        await cluster.refreshMetadata();
      },
    });
  }

  async function committed(): Promise<GroupPosition> {
    const asked = { groupId, topic: names.topic(topic), partitions: [partition] };
    const [at = { offset: 0, mark: '' }] = await ask(GROUP, (broker) => stablePositions(broker, asked));
    return at;
  }

  /** A new epoch of our id; what was begun under an older one is over when this resolves. */
  async function begin(): Promise<GroupPosition> {
    session = undefined;
    const { producerId, producerEpoch } = await ask(TRANSACTION, (broker) =>
      broker.initProducerId({ transactionalId, transactionTimeout: TRANSACTION_TIMEOUT_MS }),
    );
    const id = { producerId, producerEpoch };
    await closeWhatHangs(id);
    const at = await committed();
    session = { id, producer: createProducer({ cluster, id, transactionalId, topicName: names.topic }) };
    return at;
  }

  /**
   * A broker that was killed and starts again writes the end of a transaction that was decided, but, if it comes to that
   * before it knows who leads its partitions, leaves them out ("likely deleted already"): their readers wait for ever.
   * An empty transaction of the same id, on all partitions that we may have written, ends what hangs there.
   * So something aborted may come to count; as all that belongs to it does, it is as if it had been committed.
   */
  async function closeWhatHangs(id: ProducerId): Promise<void> {
    const transaction = { transactionalId, ...id };
    const topics = OUTPUTS[topic].map((output) => ({
      topic: names.topic(output),
      partitions: isPartitionedLike(topic, output) ? [partition] : allPartitions,
    }));
    if (topics.length > 0)
      await ask(TRANSACTION, (broker) => broker.addPartitionsToTxn({ ...transaction, topics }));
    await ask(TRANSACTION, (broker) => broker.addOffsetsToTxn({ ...transaction, groupId }));
    await ask(TRANSACTION, (broker) => broker.endTxn({ ...transaction, transactionResult: true }));
  }

  /**
   * A session to commit in. Where there is none, or a commit is in doubt, begins again; whether that one was done is
   * then told by `lastMark`. Throws Fenced when somebody else has committed since.
   */
  async function ready(): Promise<Session> {
    if (session !== undefined && inDoubt === undefined) return session;
    const at = await begin();
    if (session === undefined || (at.mark !== inDoubt && at.mark !== lastMark)) {
      session = undefined;
      throw new Fenced(group, topic, partition);
    }
    inDoubt = undefined;
    lastMark = at.mark;
    return session;
  }

  async function write(
    { id, producer }: Session,
    records: readonly OutgoingRecord[],
    position: GroupPosition,
  ) {
    const transaction = { transactionalId, ...id };
    const written = [...Map.groupBy(records, (record) => names.topic(record.topic))].map(
      ([name, ofTopic]) => ({
        topic: name,
        partitions: [...new Set(ofTopic.map((record) => record.partition))],
      }),
    );
    if (written.length > 0)
      await ask(TRANSACTION, (broker) => broker.addPartitionsToTxn({ ...transaction, topics: written }));
    const at = { partition, offset: String(position.offset), metadata: position.mark };
    const topics = [{ topic: names.topic(topic), partitions: [at] }];
    const sending = producer.send(records, STEP_WITHIN_MS);
    const moving = ask(TRANSACTION, (broker) => broker.addOffsetsToTxn({ ...transaction, groupId })).then(
      () => ask(GROUP, (broker) => broker.txnOffsetCommit({ ...transaction, groupId, topics })),
    );
    // Both are over before anything else is done, whichever fails.
    const results = await Promise.allSettled([sending, moving]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    await ask(TRANSACTION, (broker) => broker.endTxn({ ...transaction, transactionResult: true }));
  }

  /** Does `work`, with errors that a caller can act on. */
  async function told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw isFencing(error) ? new Fenced(group, topic, partition) : asLogError(error);
    }
  }

  return {
    async open() {
      try {
        const { offset, mark } = await begin();
        lastMark = mark;
        return offset;
      } catch (error) {
        throw asLogError(error);
      }
    },

    commit: (records, upTo) =>
      told(async () => {
        const doubtful = inDoubt;
        const current = await ready();
        if (doubtful !== undefined && lastMark === doubtful) return;
        const mark = `${own}.${++commits}`;
        inDoubt = mark;
        try {
          await write(current, records, { offset: upTo, mark });
        } catch (error) {
          if (isFencing(error) || !(asLogError(error) instanceof LogUnavailable)) throw error;
          await ready();
          if (lastMark !== mark) throw error;
        }
        inDoubt = undefined;
        lastMark = mark;
      }),

    confirm: () =>
      told(async () => {
        // A commit in doubt is made again by who made it, and that begins anew.
        if (inDoubt !== undefined) return;
        session = undefined;
        await ready();
      }),
  };
}
