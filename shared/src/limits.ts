/**
 * Every bound that more than one part of the system has to agree on. A unit closes each name.
 * The relations between them are asserted by `limits.test.ts`.
 */

export const MESSAGE_ID_CHARS_MAX = 255;
/** `from` and `to`. */
export const ADDRESS_CHARS_MAX = 64;
export const TEXT_CHARS_MAX = 65_536;
/** 9999-12-31T23:59:59Z: the last second that ISO 8601 writes with a four-digit year. */
export const TS_SECONDS_MAX = 253_402_300_799;
/**
 * Nesting allowed in members that are kept as `extra`. V8 parses 5,000 nested arrays and then overflows the
 * stack in `JSON.stringify`; nothing that a gateway sends comes near 64.
 */
export const EXTRA_DEPTH_MAX = 64;

export const BODY_BYTES_DEFAULT = 1024 * 1024;

/**
 * A queue job takes every message that gathered while the previous job was being acknowledged, up to this many.
 * One batch request is never split, so a job may exceed it by one request.
 */
export const JOB_MESSAGES_MAX = 512;
/** Beside the count, a bound on the bytes of a job: one `SET`-sized value must not stall Redis. */
export const JOB_BYTES_MAX = 1024 * 1024;

/** A sender is answered within 3 s at worst; 2 s for Redis leaves room for the rest of the path. */
export const ENQUEUE_DEADLINE_MS = 2_000;
/** Bytes of accepted bodies that may wait in one ingest process for Redis's answer. */
export const PENDING_BYTES_MAX = 64 * 1024 * 1024;
/**
 * Bytes of request bodies that one ingest process keeps before they are complete, and so before any signature can be
 * checked. A body beyond it is answered 503. One body of MAX_BODY_BYTES is always taken.
 */
export const UNVERIFIED_BYTES_MAX = 64 * 1024 * 1024;

/** The largest body that goes to query: a sign-in, a replay, a change of the queue. deploy/nginx/lyftr.conf has the same. */
export const FORWARDED_BODY_BYTES_MAX = 8 * 1024;
/** Requests of one address that query may be working on at a time. */
export const FORWARDS_PER_ADDRESS_MAX = 128;

/** A request must be complete this long after its first byte, or it is answered 408. */
export const REQUEST_TIMEOUT_MS = 10_000;
export const HEADERS_TIMEOUT_MS = 5_000;
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;
export const HEADERS_BYTES_MAX = 16 * 1024;

/** What a process is given to finish its work after SIGTERM before it gives up, exit code 1. */
export const SHUTDOWN_GRACE_MS = 10_000;

/** How often a process looks whether it has something to publish; an idle one publishes every fourth time. */
export const PUBLISH_INTERVAL_MS = 1_000;
/** A process that has not published for this long is shown as down. */
export const PROCESS_STALE_MS = 6_000;

/** SQLite waits this long for a lock that somebody else holds (an operator's shell, a backup). */
export const DATABASE_BUSY_MS = 1_000;

/** A writer that has not renewed its lease for this long is taken to be dead, and its standby takes over. */
export const LEASE_MS = 2_500;

export const QUEUE_HIGH_WATER_DEFAULT = 2_000_000;
