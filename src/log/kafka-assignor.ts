// Which member of a group owns which partition. Pure. Everybody keeps what they have, as far as that is fair: so only
// partitions move that have lost their owner, or that a new member is to take over. What does not divide evenly goes
// to those who came last, as a new member has to be given something anyway, and an old one may be about to go.

/** One member, as it describes itself when it joins. */
export interface Candidate {
  memberId: string;
  topics: readonly string[];
  /** When it came, in milliseconds since 1970, by its own clock. */
  sinceMs: number;
  /** What it owns now, by topic. */
  owned: Readonly<Record<string, readonly number[]>>;
}

/** By member, by topic: the numbers of its partitions. */
export type Assignment = Record<string, Record<string, number[]>>;

/** Gives each partition of each topic to one of the candidates that want the topic. */
export function assign(
  candidates: readonly Candidate[],
  partitionsOf: (topic: string) => number,
): Assignment {
  const assignment: Assignment = {};
  for (const { memberId } of candidates) assignment[memberId] = {};
  const topics = new Set(candidates.flatMap((candidate) => candidate.topics));
  for (const topic of topics) {
    const interested = candidates
      .filter((candidate) => candidate.topics.includes(topic))
      .toSorted((a, b) => b.sinceMs - a.sinceMs || (a.memberId < b.memberId ? 1 : -1));
    const shares = assignTopic(interested, topic, partitionsOf(topic));
    for (const [memberId, partitions] of shares) {
      assignment[memberId] = { ...assignment[memberId], [topic]: partitions };
    }
  }
  return assignment;
}

/** `candidates`: those who came last first. */
function assignTopic(candidates: readonly Candidate[], topic: string, count: number): Map<string, number[]> {
  const least = Math.floor(count / candidates.length);
  const more = count % candidates.length;
  const free = new Set(Array.from({ length: count }, (_, partition) => partition));
  const shares = new Map<string, number[]>();
  const quotaOf = (place: number) => least + (place < more ? 1 : 0);
  for (const [place, { memberId, owned }] of candidates.entries()) {
    const kept = (owned[topic] ?? []).filter((partition) => free.has(partition)).slice(0, quotaOf(place));
    for (const partition of kept) free.delete(partition);
    shares.set(memberId, kept);
  }
  const rest = [...free];
  for (const [place, { memberId }] of candidates.entries()) {
    const share = shares.get(memberId) ?? [];
    share.push(...rest.splice(0, quotaOf(place) - share.length));
    share.sort((a, b) => a - b);
  }
  return shares;
}

/** What a member says of itself, to be sent along when it joins. */
export function describe({ sinceMs, owned }: Pick<Candidate, 'sinceMs' | 'owned'>): Buffer {
  return Buffer.from(JSON.stringify({ sinceMs, owned }));
}

/** The reverse of describe(). A member of another kind owns nothing, and came first. */
export function described(bytes: Buffer): Pick<Candidate, 'sinceMs' | 'owned'> {
  try {
    const { sinceMs, owned } = JSON.parse(bytes.toString()) ?? {};
    if (typeof sinceMs === 'number' && typeof owned === 'object' && owned !== null) return { sinceMs, owned };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { sinceMs: 0, owned: {} };
}
