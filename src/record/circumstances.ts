// When, and from where in the log, an inbound webhook is recorded.

export interface Circumstances {
  nowMs: number;
  /** Where it stands in topic inbound. */
  partition: number;
  offset: number;
}
