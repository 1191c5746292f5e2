// A member of a group whose broker answers but for one request. (With real ones, see kafka.test.ts.)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssignerProtocol } from 'kafkajs';
import { createMember } from '../../src/log/kafka-member.ts';
import type { Broker, Cluster, JoinedGroup } from '../../src/log/kafka-wire.ts';
import { LogRefused, LogUnavailable } from '../../src/log/log.ts';

const JOINED: JoinedGroup = {
  ...{ groupProtocol: 'hooklane', generationId: 1, leaderId: 'm', memberId: 'm', members: [] },
};

/** A cluster of one broker that lets everybody join and, where `leaving` is given, rejects with it when somebody leaves. */
function clusters(leaving: Error | undefined) {
  let connected = 0;
  const answers: Record<string, () => Promise<unknown>> = {
    joinGroup: async () => JOINED,
    syncGroup: async () => ({
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: 0,
        assignment: { t: [0] },
        userData: Buffer.alloc(0),
      }),
    }),
    heartbeat: async () => {},
    leaveGroup: async () => {
      if (leaving !== undefined) throw leaving;
    },
  };
  const broker = new Proxy({} as Broker, {
    get: (_, name) => (name === 'then' ? undefined : answers[String(name)]),
  });
  const makeCluster = (): Cluster => {
    connected++;
    return {
      disconnect: async () => {
        connected--;
      },
      refreshMetadata: async () => {},
      findTopicPartitionMetadata: () => [],
      findBroker: async () => broker,
      getNodeIds: () => ['0'],
      findGroupCoordinator: async () => broker,
    };
  };
  return { makeCluster, connected: () => connected };
}

async function joinAndClose({
  makeCluster,
}: Pick<ReturnType<typeof clusters>, 'makeCluster'>): Promise<void> {
  const { promise: assigned, resolve: onAssigned } = Promise.withResolvers<unknown>();
  const member = createMember({
    ...{ makeCluster, protocol: AssignerProtocol, groupId: 'g', topic: 't', partitions: 1 },
    ...{ sessionTimeoutMs: 1_000, onAssigned, onExpired: () => {}, owned: () => [] },
  });
  const running = member.run();
  assert.deepEqual(await assigned, [0]);
  try {
    await member.close();
  } finally {
    await running;
  }
}

for (const [what, error] of [
  ['without trouble', undefined],
  ['while nobody answers', new LogUnavailable('no answer')],
  ['without the right to', new LogRefused('not allowed')],
] as const) {
  test(`a member that leaves ${what} leaves no connection behind`, async () => {
    const cluster = clusters(error);
    await joinAndClose(cluster);
    assert.equal(cluster.connected(), 0);
  });
}

test('what is a bug is told by the one who leaves, who leaves no connection behind either', async () => {
  const cluster = clusters(new TypeError('a bug'));
  await assert.rejects(joinAndClose(cluster), /a bug/);
  assert.equal(cluster.connected(), 0);
});
