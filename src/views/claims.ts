// Claims, a part of the views port: of all who want to do what is to be done once under a key, in whatever process,
// one gets to. Engines: sqlite-claims.ts, mongo-claims.ts.
//
// A claim bridges the time from a request until a read model, which is made from the log, knows what came of it; then it
// may go. Its holder acts before its lease is over, or not at all. Whoever finds a lease that is over finds out in the log
// whether the holder has acted, and may then take the claim over.
//
// Guarantees of every engine: each call is one step, whoever else calls, and what it resolved to is known to all who call
// later, also when this process dies. Not guaranteed: that claims outlive the machine. Whoever relies on them has first
// seen to it that the read model knows all that was in the log by then.

export interface Claim {
  key: string;
  /** What is to be done, as a hash. */
  body: string;
  /** Of what comes of it. */
  id: string;
  /** When the lease is over, in ms since 1970. */
  untilMs: number;
  /** Whether it is done. */
  done: boolean;
}

/** All reject with ViewsUnavailable. */
export interface Claims {
  /** Puts a claim where none stands under its key; resolves to the one that stands there then: this one, or another's. */
  claim(claim: Claim): Promise<Claim>;
  /** Puts `next`, under the same key, in the place of a claim that stands there just so. Whether it did. */
  replace(claim: Claim, next: Claim): Promise<boolean>;
  /** Takes a claim away, if it stands there just so. */
  release(claim: Claim): Promise<void>;
  /** Takes the claims away whose lease was over before this time, or as many as hold nobody up. Whether there may be more. */
  expire(beforeMs: number): Promise<boolean>;
}
