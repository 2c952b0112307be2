/**
 * Turns single deliveries into jobs without a timer: while one job is being acknowledged by Redis, arriving
 * deliveries gather; the next job takes them all. An idle system adds no delay, a busy one fills its jobs.
 *
 * A delivery is in exactly one of two places: the list that gathers, or the job in flight.
 */
import { ProblemError } from '@lyftr/shared/errors';
import type { QueueItem, Trace } from '@lyftr/shared/batch';
import { JOB_BYTES_MAX, JOB_MESSAGES_MAX, PENDING_BYTES_MAX } from '@lyftr/shared/limits';

export interface WaitingDelivery {
  items: QueueItem[];
  /** When its sender gave it one. */
  requestId: string | undefined;
  /** Size of the request's body and id: what the delivery costs in memory while it waits. */
  bytes: number;
  /** Called once: without an error after Redis has acknowledged, with one when it has not. */
  done(error?: unknown): void;
}

export interface Coalescer {
  /** Takes the delivery, or throws ProblemError `queue-unavailable` when too much is waiting already. */
  offer(delivery: WaitingDelivery): void;
  /** Bytes of the deliveries that have no answer yet. */
  pendingBytes(): number;
  /** Resolves when everything that was offered has been answered. */
  idle(): Promise<void>;
}

/** Which items of the job are whose, as far as their senders gave ids. */
function traceOf(job: readonly WaitingDelivery[]): Trace[] | undefined {
  let trace: Trace[] | undefined;
  let first = 0;
  for (const { requestId, items } of job) {
    if (requestId !== undefined) (trace ??= []).push([requestId, first, items.length]);
    first += items.length;
  }
  return trace;
}

/** `enqueue` resolves when Redis has acknowledged the job, and rejects when that is not known. */
export function createCoalescer(
  enqueue: (items: QueueItem[], trace: Trace[] | undefined) => Promise<void>,
): Coalescer {
  let gathering: WaitingDelivery[] = [];
  let pendingBytes = 0;
  let inFlight = false;
  let whenIdle: (() => void)[] = [];

  /** Takes from the front of the list up to the bounds of a job, at least one delivery. */
  function take(): WaitingDelivery[] {
    let items = 0;
    let bytes = 0;
    let count = 0;
    for (const delivery of gathering) {
      const more = items + delivery.items.length;
      if (count > 0 && (more > JOB_MESSAGES_MAX || bytes + delivery.bytes > JOB_BYTES_MAX)) break;
      items = more;
      bytes += delivery.bytes;
      count++;
    }
    const taken = gathering.slice(0, count);
    gathering = count === gathering.length ? [] : gathering.slice(count);
    return taken;
  }

  function answer(deliveries: WaitingDelivery[], error?: unknown): void {
    for (const delivery of deliveries) {
      pendingBytes -= delivery.bytes;
      delivery.done(error);
    }
  }

  async function send(job: WaitingDelivery[]): Promise<void> {
    inFlight = true;
    let failure: { error: unknown } | undefined;
    try {
      await enqueue(
        job.flatMap((delivery) => delivery.items),
        traceOf(job),
      );
    } catch (error) {
      failure = { error };
    }
    inFlight = false;
    if (failure === undefined) {
      // the next job leaves for Redis before the senders of this one are answered: writing to them takes as long
      next();
      answer(job);
    } else {
      // what gathered behind a failed job has waited for the same Redis: it must not wait for another deadline
      const behind = gathering;
      gathering = [];
      answer(job, failure.error);
      answer(behind, failure.error);
    }
    if (inFlight) return;
    const waiters = whenIdle;
    whenIdle = [];
    for (const resolve of waiters) resolve();
  }

  function next(): void {
    if (!inFlight && gathering.length > 0) void send(take());
  }

  return {
    offer(delivery) {
      // one delivery of any size has room when there is no other
      if (pendingBytes > 0 && pendingBytes + delivery.bytes > PENDING_BYTES_MAX) {
        throw new ProblemError('queue-unavailable', 'Too many messages are waiting for Redis.', {
          retryAfterSeconds: 1,
        });
      }
      pendingBytes += delivery.bytes;
      gathering.push(delivery);
      next();
    },
    pendingBytes: () => pendingBytes,
    idle() {
      if (!inFlight) return Promise.resolve();
      return new Promise((resolve) => whenIdle.push(resolve));
    },
  };
}
