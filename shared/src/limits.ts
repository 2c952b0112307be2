/**
 * Limits that more than one part of the system relies on. Numeric names end with their unit. `limits.test.ts` asserts
 * the relations between them.
 */

export const MESSAGE_ID_CHARS_MAX = 255;
/** `from` and `to`. */
export const ADDRESS_CHARS_MAX = 64;
/** `from` and `to` of a message that came by a source: providers use longer ones, which are cut to this. */
export const MAPPED_ADDRESS_CHARS_MAX = 255;
export const TEXT_CHARS_MAX = 65_536;
/** 9999-12-31T23:59:59Z, the last second that ISO 8601 writes with a four-digit year. */
export const TS_SECONDS_MAX = 253_402_300_799;
/**
 * Maximum nesting of the members that are kept as `extra`. V8 parses 5,000 nested arrays and then overflows the stack
 * in `JSON.stringify`. Real messages do not come near 64 levels.
 */
export const EXTRA_DEPTH_MAX = 64;

export const BODY_BYTES_DEFAULT = 1024 * 1024;

/**
 * A job contains every message that arrived while the previous job was being acknowledged, up to this number. A batch
 * request is never split, so a job may exceed the limit by one request.
 */
export const JOB_MESSAGES_MAX = 512;
/** Maximum size of a job. A very large value would block Redis while it is written. */
export const JOB_BYTES_MAX = 1024 * 1024;

/** How long ingest waits for Redis. A sender must get its answer within 3 s; the rest is for the other steps. */
export const ENQUEUE_DEADLINE_MS = 2_000;
/** Bytes of accepted bodies that may wait for Redis in one ingest process. */
export const PENDING_BYTES_MAX = 64 * 1024 * 1024;
/**
 * Bytes of incomplete request bodies that one ingest process keeps. Their signatures cannot be checked yet. A body
 * that exceeds this limit is answered 503. One body of MAX_BODY_BYTES is always accepted.
 */
export const UNVERIFIED_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Maximum body of a request to query: a sign-in, a replay, a change of the queue. deploy/nginx/lyftr.conf has the
 * same limit.
 */
export const FORWARDED_BODY_BYTES_MAX = 8 * 1024;
/** Maximum number of simultaneous requests to query from one address. */
export const FORWARDS_PER_ADDRESS_MAX = 128;

/** A request that is incomplete this long after its first byte is answered 408. */
export const REQUEST_TIMEOUT_MS = 10_000;
export const HEADERS_TIMEOUT_MS = 5_000;
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;
export const HEADERS_BYTES_MAX = 16 * 1024;

/** Time for a process to finish its work after SIGTERM. After that it exits with code 1. */
export const SHUTDOWN_GRACE_MS = 10_000;

/** How often a process checks whether it has figures to publish. An idle process publishes at every fourth check. */
export const PUBLISH_INTERVAL_MS = 1_000;
/** A process that has not published for this long is shown as silent. */
export const PROCESS_STALE_MS = 6_000;

/** How long SQLite waits for a lock that another process holds, such as a shell or a backup. */
export const DATABASE_BUSY_MS = 1_000;

/** A writer that has not renewed its lease for this long is considered dead. Its standby takes over. */
export const LEASE_MS = 2_500;

export const QUEUE_HIGH_WATER_DEFAULT = 2_000_000;
