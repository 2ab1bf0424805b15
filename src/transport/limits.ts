// What strangers may take at a listener: connections whose handshake and hello are not done. By name and with the reason;
// docs/limits.md shows them.

/** Of one listener at a time, those that wait included: the runtime gives each some 20 kB, whether its handshake begins or not. */
export const strangersMax = 256;
/** Handshakes at a time: each holds the state of TLS, and an honest one is done in milliseconds. */
export const handshakesMax = 64;
/** Handshakes of one source at a time; the next wait, for many people may share a login node or an address. */
export const handshakesPerSourceMax = 8;
/** The same for a source that is trusted: two hundred commands at once are an experiment, but they must leave room for others. */
export const handshakesPerTrustedMax = 32;
/** A handshake that has begun is left alone for so long, whoever else comes: an honest one is done by then. */
export const handshakeSparedMs = 1_000;
/** From the start of the handshake to the end of hello: a silent stranger holds its place no longer. */
export const handshakeMsMax = 10_000;
/** The same for a source that is trusted: two hundred commands that start at once on a small machine need their time. */
export const handshakeTrustedMsMax = 60_000;

/** How long a source waits after its first failure; the next doubles it. A person hardly notices, a guesser does. */
export const penaltyMsMin = 1_000;
export const penaltyMsMax = 60_000;
/** So long without a failure, counted from the end of the wait, takes one doubling back. */
export const penaltyDecayMs = 60_000;
/** Sources that are remembered for their failures; the one that failed least recently is forgotten first. */
export const penalisedSourcesMax = 4_096;

/** A source with a session, or with one that ended so short a time ago, waits for nothing: an experiment must not. */
export const trustedMs = 3_600_000;
/** Sources that are remembered for their sessions; the one whose session ended first is forgotten first. */
export const trustedSourcesMax = 4_096;
