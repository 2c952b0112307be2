/**
 * Turns single deliveries into jobs without a timer: while one job is being acknowledged by Redis, arriving
 * deliveries gather; the next job takes them all. An idle system adds no delay, a busy one fills its jobs.
 *
 * A delivery is in exactly one of two places: the list that gathers, or the job in flight.
 */
import { ProblemError } from '@lyftr/shared/errors';
import type { MessageTuple } from '@lyftr/shared/job';
import { JOB_BYTES_MAX, JOB_MESSAGES_MAX, PENDING_BYTES_MAX } from '@lyftr/shared/limits';

export interface Delivery {
  messages: MessageTuple[];
  /** Size of the request's body: what the delivery costs in memory while it waits. */
  bytes: number;
  /** Called once: without an error after Redis has acknowledged, with one when it has not. */
  done(error?: unknown): void;
}

export interface Coalescer {
  /** Takes the delivery, or throws ProblemError `queue-unavailable` when too much is waiting already. */
  offer(delivery: Delivery): void;
  /** Resolves when everything that was offered has been answered. */
  idle(): Promise<void>;
}

/** `enqueue` resolves when Redis has acknowledged the job, and rejects when that is not known. */
export function createCoalescer(enqueue: (messages: MessageTuple[]) => Promise<void>): Coalescer {
  let gathering: Delivery[] = [];
  let pendingBytes = 0;
  let inFlight = false;
  let whenIdle: (() => void)[] = [];

  /** Takes from the front of the list up to the bounds of a job, at least one delivery. */
  function take(): Delivery[] {
    let messages = 0;
    let bytes = 0;
    let count = 0;
    for (const delivery of gathering) {
      messages += delivery.messages.length;
      bytes += delivery.bytes;
      if (count > 0 && (messages > JOB_MESSAGES_MAX || bytes > JOB_BYTES_MAX)) break;
      count++;
    }
    const taken = gathering.slice(0, count);
    gathering = count === gathering.length ? [] : gathering.slice(count);
    return taken;
  }

  function answer(deliveries: Delivery[], error?: unknown): void {
    for (const delivery of deliveries) {
      pendingBytes -= delivery.bytes;
      delivery.done(error);
    }
  }

  async function send(): Promise<void> {
    inFlight = true;
    let acknowledged: Delivery[] = [];
    while (gathering.length > 0) {
      const job = take();
      const adding = enqueue(job.flatMap((delivery) => delivery.messages));
      // the next job is on its way to Redis before the last one's senders are answered: writing to them takes as long
      answer(acknowledged);
      acknowledged = [];
      try {
        await adding;
        acknowledged = job;
      } catch (error) {
        // what gathered behind a failed job has waited for the same Redis: it must not wait for another deadline
        const behind = gathering;
        gathering = [];
        answer(job, error);
        answer(behind, error);
      }
    }
    answer(acknowledged);
    inFlight = false;
    if (gathering.length > 0) return send();
    const waiters = whenIdle;
    whenIdle = [];
    for (const resolve of waiters) resolve();
  }

  return {
    offer(delivery) {
      if (pendingBytes + delivery.bytes > PENDING_BYTES_MAX) {
        throw new ProblemError('queue-unavailable', 'Too many messages wait for the queue.', {
          retryAfterSeconds: 1,
        });
      }
      pendingBytes += delivery.bytes;
      gathering.push(delivery);
      if (!inFlight) void send();
    },
    idle() {
      if (!inFlight) return Promise.resolve();
      return new Promise((resolve) => whenIdle.push(resolve));
    },
  };
}
