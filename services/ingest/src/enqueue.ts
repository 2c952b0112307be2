/**
 * One job into Redis, with an end to every wait.
 *
 * `queue.add` hangs for ever while Redis has never been up, whatever ioredis is told. So the Queue is built on the
 * first `ready`, nothing is added before, and a deadline of our own runs around every add. An add that failed may
 * still have happened (a frozen Redis applies it when it wakes): "failed" means "unknown", the sender is told 503, and
 * the writer's idempotency absorbs the resend.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { crashPoint } from '@lyftr/shared/crash';
import { ProblemError } from '@lyftr/shared/errors';
import {
  jobName,
  JOB_OPTIONS,
  QUEUE_EVENTS_MAX,
  QUEUE_NAME,
  QUEUE_PREFIX,
  type Envelope,
  type MessageTuple,
} from '@lyftr/shared/job';
import { ENQUEUE_DEADLINE_MS } from '@lyftr/shared/limits';
import { rateLimited, type Logger } from '@lyftr/shared/log';
import { durabilityFaults, failFastRedis, type RedisFsync } from '@lyftr/shared/redis';
import { refusalOf } from '@lyftr/shared/refusal';
import type { Redis } from 'ioredis';

const RETRY_AFTER_SECONDS = 1;
const PROBE_KEY = 'lyftr:probe';
const PROBE_INTERVAL_MS = 100;
const FAULTS_RECHECK_MS = 1_000;
/** Somebody may change Redis's settings while it runs. */
const DURABILITY_RECHECK_MS = 10_000;

export interface Enqueuer {
  readonly redis: Redis;
  /** `ok`, or why no message can be taken now; by a write that Redis had to take, for one that only answers is not ready. */
  probeWrite(): Promise<string>;
  /** Resolves when Redis is ready, or after `timeoutMs`. */
  whenReady(timeoutMs: number): Promise<void>;
  /** Messages that Redis has acknowledged since this process started. */
  acknowledged(): number;
  /** The numbers of the batches that Redis has acknowledged, as ranges `[first, last]`. */
  acknowledgedBatches(): readonly [number, number][];
  /** Resolves after Redis has acknowledged the job. Throws ProblemError `queue-unavailable`; a resend can help. */
  enqueue(messages: MessageTuple[]): Promise<void>;
  close(): Promise<void>;
}

const unavailable = (detail: string) =>
  new ProblemError('queue-unavailable', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });

/** Holes between ranges come from adds that failed. Far more of them than this and the oldest ranges are forgotten. */
const RANGES_MAX = 1_000;

/** Jobs are added one after another, so a number always belongs to the end. */
function noteBatch(ranges: [number, number][], seq: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && last[1] + 1 === seq) last[1] = seq;
  else ranges.push([seq, seq]);
  if (ranges.length > RANGES_MAX) ranges.shift();
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Rejects at the deadline. The add goes on: its late answer is of no use to anybody, whatever it is. */
function withDeadline(adding: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      reject(new Error(`Redis did not acknowledge within ${ENQUEUE_DEADLINE_MS} ms`));
    }, ENQUEUE_DEADLINE_MS);
    adding.then(() => resolve(), reject).finally(() => clearTimeout(deadline));
  });
}

export interface EnqueuerOptions {
  redisUrl: string;
  fsync: RedisFsync;
  /** The instance id of this process. */
  producer: string;
  log: Logger;
}

export function createEnqueuer({ redisUrl, fsync, producer, log }: EnqueuerOptions): Enqueuer {
  const redis = failFastRedis(redisUrl, ENQUEUE_DEADLINE_MS);
  let queue: Queue<Envelope> | undefined;
  let state = 'Redis has not been reached yet';
  let closed = false;
  const { promise: becameReady, resolve: isReady } = withResolvers();
  let seq = 0;
  let acknowledged = 0;
  const batches: [number, number][] = [];
  const logTrouble = rateLimited(1_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'Redis is in trouble');
  });

  /** Redis's last refusal, until a batch has gone through. */
  let refusal: string | undefined;

  /** A refusal is said once, as the state that it is: it stays until somebody changes something. */
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
    } else log.warn({ reason: next }, 'not taking messages');
  }

  /** Runs until Redis answers and is durable, or the connection is lost (then `ready` starts it again). */
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
            // nothing smaller than a batch needs every right that a batch needs
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

  async function openQueue(): Promise<Queue<Envelope>> {
    const opened = new Queue<Envelope>(QUEUE_NAME, {
      connection: redis,
      prefix: QUEUE_PREFIX,
      skipWaitingForReady: true,
      streams: { events: { maxLen: QUEUE_EVENTS_MAX } },
    });
    // without a listener the first lost connection would end the process
    opened.on('error', trouble);
    try {
      await opened.waitUntilReady();
    } catch (error) {
      // one that Redis refused at its start never works again
      void opened.close().catch(() => {});
      throw error;
    }
    return opened;
  }

  /** Resolves when Redis has acknowledged the batch; rejects when that is not known. */
  async function add(to: Queue<Envelope>, messages: MessageTuple[]): Promise<void> {
    const envelope: Envelope = { v: 1, producer, seq: ++seq, at: Date.now(), messages };
    await withDeadline(to.add(jobName(producer, envelope.seq), envelope, JOB_OPTIONS));
    noteBatch(batches, envelope.seq);
  }

  const recheck = setInterval(() => void probe(), DURABILITY_RECHECK_MS);
  redis.on('error', trouble);
  redis.on('ready', () => void probe());
  redis.on('close', () => {
    if (!closed) become(refusal ?? 'the connection to Redis is lost');
  });

  return {
    redis,
    async probeWrite() {
      if (state !== 'ok') return state;
      try {
        await redis.set(PROBE_KEY, producer, 'EX', 60);
      } catch (error) {
        return refusalOf(error) ?? `Redis does not take a write: ${String(error)}`;
      }
      return fsync === 'always'
        ? state
        : 'ok: appendfsync everysec, a power cut may cost a second of acknowledged messages';
    },
    whenReady: (timeoutMs) => Promise.race([becameReady, delay(timeoutMs, undefined, { ref: false })]),
    acknowledged: () => acknowledged,
    acknowledgedBatches: () => batches,
    async enqueue(messages) {
      if (state !== 'ok' || queue === undefined) throw unavailable(state);
      crashPoint('before-enqueue');
      try {
        await add(queue, messages);
      } catch (error) {
        trouble(error);
        if (String(error).includes('OOM')) throw unavailable('Redis is out of memory');
        // frozen, or gone without a word: refuse at once until it answers again
        become(refusal ?? 'Redis does not answer');
        void probe();
        throw unavailable('Redis did not acknowledge the message');
      }
      crashPoint('after-acknowledgement');
      acknowledged += messages.length;
    },
    async close() {
      closed = true;
      clearInterval(recheck);
      // the Queue does not own the connection: closing it only drops its listeners
      await queue?.close().catch(() => {});
      redis.disconnect();
    },
  };
}
