// Time as the program sees it: two clocks and timers, passed in wherever time matters so that a simulation can lie.

export interface Clock {
  /** CLOCK_MONOTONIC in nanoseconds: the same epoch in every process of this machine. */
  monotonicNs(): bigint;
  /** CLOCK_REALTIME in nanoseconds. */
  realtimeNs(): bigint;
  /** Calls back once after at least `ms` milliseconds; the returned function cancels and may be called at any time. */
  after(ms: number, callback: () => void): () => void;
}
