/**
 * Adds one job to Redis, with a time limit for every wait.
 *
 * `queue.add` waits without end when Redis has never been up, whatever the options of ioredis. So we create the Queue
 * when the connection is ready for the first time, add nothing before, and put our own deadline on every add. A
 * failed add may still have succeeded, because a frozen Redis executes it later. The sender is then told 503, and
 * when it sends the message again, the writer recognises the duplicate.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { crashPoint } from '@lyftr/shared/runtime/crash';
import { ProblemError } from '@lyftr/shared/errors';
import { isTuple, type QueueItem, type Trace } from '@lyftr/shared/batch';
import { ENQUEUE_DEADLINE_MS } from '@lyftr/shared/limits';
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import { durabilityFaults, failFastRedis, type RedisFsync } from '@lyftr/shared/runtime/redis';
import { refusalOf } from '@lyftr/shared/runtime/refusal';
import type { Redis } from 'ioredis';
import { Bytes, ByteQueue } from './byte-queue.js';
import { createEnvelope, encodeEnvelope, hasDeliveries, jobName, type Envelope } from './envelope.js';
import type { Lives } from './lives.js';
import { JOB_OPTIONS, QUEUE_EVENTS_MAX, QUEUE_NAME, QUEUE_PREFIX } from './options.js';

const RETRY_AFTER_SECONDS = 1;
const PROBE_KEY = 'lyftr:probe';
const PROBE_INTERVAL_MS = 100;
const FAULTS_RECHECK_MS = 1_000;
/** The settings of Redis can change while it runs. */
const DURABILITY_RECHECK_MS = 10_000;

export interface Enqueuer {
  readonly redis: Redis;
  /**
   * `ok`, or why no message can be accepted now. Probes with a write, because Redis may answer reads and still refuse
   * writes.
   */
  probeWrite(): Promise<string>;
  /** Resolves when Redis is ready, or after `timeoutMs`. */
  whenReady(timeoutMs: number): Promise<void>;
  /** Resolves when Redis has acknowledged the job. Throws ProblemError `queue-unavailable`; a retry can help. */
  enqueue(items: QueueItem[], trace?: Trace[]): Promise<void>;
  close(): Promise<void>;
}

const unavailable = (detail: string) =>
  new ProblemError('queue-unavailable', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Rejects at the deadline. The add continues, and its result is ignored. */
function withDeadline(adding: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      reject(new Error(`Redis did not acknowledge within ${ENQUEUE_DEADLINE_MS} ms`));
    }, ENQUEUE_DEADLINE_MS);
    adding.then(() => resolve(), reject).finally(() => clearTimeout(deadline));
  });
}

/** How many of the items came by each source. Undefined when none did. */
function countSources(items: readonly QueueItem[]): ReadonlyMap<string, number> | undefined {
  let counts: Map<string, number> | undefined;
  for (const item of items) {
    if (isTuple(item)) continue;
    counts ??= new Map();
    counts.set(item.source, (counts.get(item.source) ?? 0) + 1);
  }
  return counts;
}

export interface EnqueuerOptions {
  redisUrl: string;
  fsync: RedisFsync;
  /** Numbers the messages and records what Redis acknowledged. */
  lives: Lives;
  log: Logger;
}

export function createEnqueuer({ redisUrl, fsync, lives, log }: EnqueuerOptions): Enqueuer {
  const redis = failFastRedis(redisUrl, ENQUEUE_DEADLINE_MS);
  let queue: ByteQueue<Envelope> | undefined;
  let state = 'not connected to Redis yet';
  let closed = false;
  const { promise: becameReady, resolve: isReady } = withResolvers();
  const logTrouble = rateLimited(1_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'Redis error');
  });

  /** The last refusal by Redis, until a batch succeeds. */
  let refusal: string | undefined;

  /** Logs a refusal once, as a state, because it lasts until someone changes a setting. */
  function trouble(error: unknown): void {
    refusal = refusalOf(error);
    if (refusal === undefined) logTrouble(error);
    else become(refusal);
  }

  function become(next: string): void {
    if (next === state) return;
    state = next;
    if (next === 'ok') {
      log.info('Redis is ready');
      isReady();
    } else log.warn({ reason: next }, 'not accepting messages');
  }

  /** Runs until Redis responds and is durable, or until the connection is lost. `ready` starts it again. */
  let probing = false;
  async function probe(): Promise<void> {
    if (probing) return;
    probing = true;
    try {
      while (!closed && redis.status === 'ready') {
        try {
          const faults = await durabilityFaults(redis, fsync);
          if (faults.length === 0) {
            queue ??= await openQueue();
            // only adding a batch tests every right that a batch needs
            if (refusal !== undefined) await add(queue, []);
            refusal = undefined;
          }
          become(faults.length === 0 ? 'ok' : faults.join('; '));
          if (faults.length === 0) return;
          await delay(FAULTS_RECHECK_MS, undefined, { ref: false });
        } catch (error) {
          trouble(error);
          const waitMs = refusal === undefined ? PROBE_INTERVAL_MS : FAULTS_RECHECK_MS;
          await delay(waitMs, undefined, { ref: false });
        }
      }
    } finally {
      probing = false;
    }
  }

  async function openQueue(): Promise<ByteQueue<Envelope>> {
    const opened = new ByteQueue<Envelope>(QUEUE_NAME, {
      connection: redis,
      prefix: QUEUE_PREFIX,
      skipWaitingForReady: true,
      streams: { events: { maxLen: QUEUE_EVENTS_MAX } },
    });
    // without a listener, the first lost connection would end the process
    opened.on('error', trouble);
    try {
      await opened.waitUntilReady();
    } catch (error) {
      // a Queue that Redis refused at its start never works again
      void opened.close().catch(() => {});
      throw error;
    }
    return opened;
  }

  /** Resolves when Redis has acknowledged the batch. Rejects when that is unknown. */
  async function add(to: ByteQueue<Envelope>, items: QueueItem[], trace?: Trace[]): Promise<void> {
    const numbers = lives.next(items.length);
    const envelope = createEnvelope(numbers, Date.now(), items, trace);
    const content = hasDeliveries(envelope) ? new Bytes(encodeEnvelope(envelope)) : envelope;
    await withDeadline(to.add(jobName(numbers.producer, numbers.range), content, JOB_OPTIONS));
    if (items.length > 0) lives.confirm(numbers, countSources(items));
  }

  const recheck = setInterval(() => void probe(), DURABILITY_RECHECK_MS);
  redis.on('error', trouble);
  redis.on('ready', () => void probe());
  redis.on('close', () => {
    if (!closed) become(refusal ?? 'the connection to Redis was lost');
  });

  return {
    redis,
    async probeWrite() {
      if (state !== 'ok') return state;
      try {
        await redis.set(PROBE_KEY, '1', 'EX', 60);
      } catch (error) {
        return refusalOf(error) ?? `Redis rejected a write: ${String(error)}`;
      }
      return fsync === 'always'
        ? state
        : 'ok: with appendfsync everysec, a power failure may lose a second of acknowledged messages';
    },
    whenReady: (timeoutMs) => Promise.race([becameReady, delay(timeoutMs, undefined, { ref: false })]),
    async enqueue(items, trace) {
      if (state !== 'ok' || queue === undefined) throw unavailable(state);
      crashPoint('before-enqueue');
      try {
        await add(queue, items, trace);
      } catch (error) {
        trouble(error);
        if (String(error).includes('OOM')) throw unavailable('Redis is out of memory');
        // Redis is frozen or unreachable: refuse at once until it responds again
        become(refusal ?? 'Redis is not responding');
        void probe();
        throw unavailable('Redis did not acknowledge the message');
      }
      crashPoint('after-acknowledgement');
    },
    async close() {
      closed = true;
      clearInterval(recheck);
      // the Queue does not own the connection; closing it only removes its listeners
      await queue?.close().catch(() => {});
      redis.disconnect();
    },
  };
}
