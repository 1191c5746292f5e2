// A member of a group, as the coordinator knows it: it joins, is told what it owns, and says that it lives until the
// next rebalance. Nothing of the work is known here.
//
//     join ─▶ sync ─▶ assignment ─▶ heartbeats ─▶ (rebalance) ─▶ join …
//
// The one who leads decides for all, by assign(). While a rebalance goes on, everybody works on: only what the new
// assignment takes away is lost, and whoever comes too late is fenced. Source: KIP-62, kafka.apache.org/protocol.

import { assign, type Candidate, describe, described } from './kafka-assignor.ts';
import {
  asLogError,
  type Broker,
  GROUP,
  isProtocolError,
  type JoinedGroup,
  type MakeCluster,
} from './kafka-wire.ts';
import { LogRefused, LogUnavailable } from './log.ts';
import { pause } from './pause.ts';

/** The bytes in which members describe themselves, and are told what they own: the client's. */
export interface AssignerProtocol {
  MemberMetadata: {
    encode(metadata: { version: number; topics: string[]; userData: Buffer }): Buffer;
    decode(bytes: Buffer): { topics: string[]; userData: Buffer } | null;
  };
  MemberAssignment: {
    encode(assignment: { version: number; assignment: Record<string, number[]>; userData: Buffer }): Buffer;
    decode(bytes: Buffer): { assignment: Record<string, number[]> } | null;
  };
}

export interface MemberOptions {
  makeCluster: MakeCluster;
  protocol: AssignerProtocol;
  groupId: string;
  /** As the broker calls it. */
  topic: string;
  partitions: number;
  /** Without a heartbeat for so long a member counts as dead. */
  sessionTimeoutMs: number;
  /** What we own from now on, after each rebalance. */
  onAssigned: (partitions: number[]) => void;
  /** We have been taken for dead: whatever we own may be somebody else's. */
  onExpired: () => void;
  /** What we own now. */
  owned: () => number[];
}

export interface GroupMember {
  /** Takes part until close(). Rejects for an error that does not pass by itself. */
  run(): Promise<void>;
  /** Resolves when a heartbeat that begins now has shown that we are a member still; later, if we are not yet again. */
  confirmed(): Promise<void>;
  /** Leaves the group: its partitions are given to others at once. */
  close(): Promise<void>;
}

const ASSIGNOR = 'hooklane';
/** A heartbeat tells of a rebalance: so soon takes effect that somebody came or went. */
const MAX_HEARTBEAT_MS = 250;
const RETRY_MS = 200;
/** How long a rebalance waits for members to join again before it goes on without them. */
const REBALANCE_TIMEOUT_MS = 10_000;

export function createMember(options: MemberOptions): GroupMember {
  const {
    makeCluster,
    protocol,
    groupId,
    topic,
    partitions,
    sessionTimeoutMs,
    onAssigned,
    onExpired,
    owned,
  } = options;
  const heartbeatMs = Math.min(MAX_HEARTBEAT_MS, sessionTimeoutMs / 4);
  // Finer than a millisecond, as two may come within one.
  const sinceMs = performance.timeOrigin + performance.now();
  const closing = new AbortController();
  const cluster = makeCluster();
  let memberId = '';
  let confirming: (() => void)[] = [];
  let running: Promise<void> | undefined;

  async function join(): Promise<{ broker: Broker; generation: number }> {
    await cluster.refreshMetadata();
    const broker = await cluster.findGroupCoordinator({ groupId, coordinatorType: GROUP });
    const userData = describe({ sinceMs, owned: { [topic]: owned() } });
    const joined = await broker.joinGroup({
      groupId,
      memberId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      groupProtocols: [
        {
          name: ASSIGNOR,
          metadata: protocol.MemberMetadata.encode({ version: 0, topics: [topic], userData }),
        },
      ],
    });
    memberId = joined.memberId;
    const { memberAssignment } = await broker.syncGroup({
      groupId,
      memberId,
      generationId: joined.generationId,
      groupAssignment: joined.leaderId === memberId ? assignmentFor(joined) : [],
    });
    const told = protocol.MemberAssignment.decode(memberAssignment);
    if (!closing.signal.aborted) onAssigned(told?.assignment[topic] ?? []);
    return { broker, generation: joined.generationId };
  }

  /** What the one who leads decides. */
  function assignmentFor({ members }: JoinedGroup): { memberId: string; memberAssignment: Buffer }[] {
    const candidates = members.map((member): Candidate => {
      const metadata = protocol.MemberMetadata.decode(member.memberMetadata);
      const { sinceMs: since, owned: has } = described(metadata?.userData ?? Buffer.alloc(0));
      return { memberId: member.memberId, topics: metadata?.topics ?? [], sinceMs: since, owned: has };
    });
    return Object.entries(assign(candidates, () => partitions)).map(([id, assignment]) => ({
      memberId: id,
      memberAssignment: protocol.MemberAssignment.encode({
        version: 0,
        assignment,
        userData: Buffer.alloc(0),
      }),
    }));
  }

  /** Until a heartbeat is rejected, or we are to close. */
  async function live(broker: Broker, generation: number): Promise<void> {
    while (!closing.signal.aborted) {
      const asking = confirming;
      confirming = [];
      try {
        await broker.heartbeat({ groupId, memberId, groupGenerationId: generation });
      } catch (error) {
        confirming.push(...asking);
        throw error;
      }
      for (const confirm of asking) confirm();
      await pause(heartbeatMs, closing.signal);
    }
  }

  async function takePart(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        const { broker, generation } = await join();
        await live(broker, generation);
      } catch (error) {
        if (isProtocolError(error, 'REBALANCE_IN_PROGRESS')) continue;
        if (isProtocolError(error, 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID')) {
          memberId = '';
          onExpired();
          continue;
        }
        const told = asLogError(error);
        if (!(told instanceof LogUnavailable)) throw told;
        await pause(RETRY_MS, closing.signal);
      }
    }
  }

  return {
    run() {
      running = takePart();
      return running;
    },
    confirmed: () =>
      new Promise((resolve) => {
        confirming.push(resolve);
      }),
    async close() {
      closing.abort();
      try {
        // By a way of its own: a join that waits for others would hold it up.
        if (memberId !== '') await leave();
        await Promise.allSettled([running]);
        if (memberId !== '') await leave();
      } finally {
        for (const confirm of confirming.splice(0)) confirm();
        await cluster.disconnect();
      }
    },
  };

  async function leave(): Promise<void> {
    const leaving = makeCluster();
    try {
      await leaving.refreshMetadata();
      const broker = await leaving.findGroupCoordinator({ groupId, coordinatorType: GROUP });
      await broker.leaveGroup({ groupId, memberId });
    } catch (error) {
      // Who cannot say that it leaves is missed soon enough; whoever was forgotten has left.
      const told = asLogError(error);
      if (!(told instanceof LogUnavailable || told instanceof LogRefused)) throw told;
    } finally {
      memberId = '';
      await leaving.disconnect();
    }
  }
}
