// Every number that two machines must agree on, by name and with its reason. A peer hears them in hello; docs/limits.md
// and `ctl ping -v` show them. Who receives insists on them, so a peer with other numbers for what travels would be
// refused or refuse us: those change only together with the protocol's number.

const kib = 1024;
const mib = 1024 * kib;

/** The oldest and the newest protocol that this program speaks. */
export const PROTOCOL_MIN = 1;
export const PROTOCOL_MAX = 1;

/** argv and environment of one start, each string with its NUL: half of what Linux grants by default. */
export const argvEnvBytesMax = 1 * mib;
/** One frame: the largest start and what describes it; also the most that one session can make its peer buffer. */
export const frameBytesMax = argvEnvBytesMax + 64 * kib;
/** Frames before hello: a stranger may not make us keep more than this. */
export const helloBytesMax = 4 * kib;
/** Bytes in one output or input message: one read of a pipe that is full, and small enough for others to get a turn. */
export const outputChunkBytesMax = 64 * kib;
/** How far a stream may run ahead of its credit: fills 100 Mbit/s at 20 ms, and is what both ends must keep for resuming. */
export const windowBytes = 256 * kib;
/** Replies that the peer does not read; more, and we stop reading what it asks. */
export const unsentBytesMax = 4 * mib;

/** Hello must be there by then: a silent stranger holds a descriptor no longer. */
export const helloTimeoutMs = 10_000;
/** A connection that was silent for so long is asked for a sign of life. */
export const pingEveryMs = 3_500;
/** Signs of life that a peer may ask for in a second; more is a flood of answers. */
export const pingsPerSecondMax = 10;
/** So many whole intervals without a word: a peer is known to be dead 10.5 to 14 s after its last one. */
export const silentIntervalsMax = 3;
/** What users are told: a peer that says nothing is dead by then. */
export const deadAfterMs = 15_000;

/** Operations of one session at a time: far more than a controller needs, and each costs little. */
export const operationsMax = 1_024;
/** Sessions of one daemon: each needs descriptors and at most one frame of memory. */
export const sessionsMax = 256;
/** Live processes of one daemon: each needs three descriptors and a launcher. */
export const processesMax = 4_096;

/** Nesting of tables: the schema needs four; flatc's own verifier stops at 64. */
export const verifierDepthMax = 16;
/** Every frame may hold this many tables, however short it is. */
export const verifierTablesMin = 16;
/** And one more for so many bytes: an empty argument, the smallest table of a list, takes 16 with its place in the list. */
export const verifierBytesPerTable = 16;

/** 128 random bits name an operation for ever. */
export const keyBytes = 16;
/** Boot id and 64 random bits name one life of a daemon. */
export const incarnationBytes = 24;
/** Words that a machine compares: codes and names of limits. */
export const codeBytesMax = 64;
/** Sentences for people. */
export const textBytesMax = 4 * kib;
/** A path in an answer: PATH_MAX. Longer ones are cut, for a report of a failure must not fail itself. */
export const pathBytesMax = 4 * kib;
/** Entries of a list for people: limits, addresses, survivors. */
export const listEntriesMax = 256;
/** Highest signal of Linux. */
export const signalMax = 64;

/** What hello tells the peer. */
export const namedLimits: readonly { name: string; value: number }[] = [
  { name: "frame-bytes", value: frameBytesMax },
  { name: "argv-env-bytes", value: argvEnvBytesMax },
  { name: "output-chunk-bytes", value: outputChunkBytesMax },
  { name: "window-bytes", value: windowBytes },
  { name: "unsent-bytes", value: unsentBytesMax },
  { name: "hello-timeout-ms", value: helloTimeoutMs },
  { name: "pings-per-second", value: pingsPerSecondMax },
  { name: "ping-every-ms", value: pingEveryMs },
  { name: "dead-after-ms", value: deadAfterMs },
  { name: "operations", value: operationsMax },
  { name: "sessions", value: sessionsMax },
  { name: "processes", value: processesMax },
];
