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
import { crashPoint } from '@lyftr/shared/runtime/crash';
import { ProblemError } from '@lyftr/shared/errors';
import type { MessageTuple, Trace } from '@lyftr/shared/batch';
import { ENQUEUE_DEADLINE_MS } from '@lyftr/shared/limits';
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import { durabilityFaults, failFastRedis, type RedisFsync } from '@lyftr/shared/runtime/redis';
import { refusalOf } from '@lyftr/shared/runtime/refusal';
import type { Redis } from 'ioredis';
import { ENVELOPE_VERSION, jobName, type Envelope } from './envelope.js';
import type { Lives } from './lives.js';
import { JOB_OPTIONS, QUEUE_EVENTS_MAX, QUEUE_NAME, QUEUE_PREFIX } from './options.js';

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
  /** Resolves after Redis has acknowledged the job. Throws ProblemError `queue-unavailable`; a resend can help. */
  enqueue(messages: MessageTuple[], trace?: Trace[]): Promise<void>;
  close(): Promise<void>;
}

const unavailable = (detail: string) =>
  new ProblemError('queue-unavailable', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });

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
  /** Numbers the messages, and is told what Redis has acknowledged. */
  lives: Lives;
  log: Logger;
}

export function createEnqueuer({ redisUrl, fsync, lives, log }: EnqueuerOptions): Enqueuer {
  const redis = failFastRedis(redisUrl, ENQUEUE_DEADLINE_MS);
  let queue: Queue<Envelope> | undefined;
  let state = 'Redis has not been reached yet';
  let closed = false;
  const { promise: becameReady, resolve: isReady } = withResolvers();
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
  async function add(to: Queue<Envelope>, messages: MessageTuple[], trace?: Trace[]): Promise<void> {
    const numbers = lives.next(messages.length);
    const { producer, range } = numbers;
    const envelope: Envelope = { v: ENVELOPE_VERSION, producer, first: range[0], at: Date.now(), messages };
    if (trace !== undefined) envelope.trace = trace;
    await withDeadline(to.add(jobName(producer, range), envelope, JOB_OPTIONS));
    if (messages.length > 0) lives.confirm(numbers);
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
        await redis.set(PROBE_KEY, '1', 'EX', 60);
      } catch (error) {
        return refusalOf(error) ?? `Redis does not take a write: ${String(error)}`;
      }
      return fsync === 'always'
        ? state
        : 'ok: appendfsync everysec, a power cut may cost a second of acknowledged messages';
    },
    whenReady: (timeoutMs) => Promise.race([becameReady, delay(timeoutMs, undefined, { ref: false })]),
    async enqueue(messages, trace) {
      if (state !== 'ok' || queue === undefined) throw unavailable(state);
      crashPoint('before-enqueue');
      try {
        await add(queue, messages, trace);
      } catch (error) {
        trouble(error);
        if (String(error).includes('OOM')) throw unavailable('Redis is out of memory');
        // frozen, or gone without a word: refuse at once until it answers again
        become(refusal ?? 'Redis does not answer');
        void probe();
        throw unavailable('Redis did not acknowledge the message');
      }
      crashPoint('after-acknowledgement');
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
