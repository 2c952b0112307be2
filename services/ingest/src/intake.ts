/**
 * The path of a request to a route that takes deliveries, from its body to its answer: what the route makes of it → room
 * in the queue → enqueue.
 *
 * It knows nothing of sockets: `receive.ts` (node:http) and `fast-path.ts` bring requests in and answers out.
 */
import { ProblemError } from '@lyftr/shared/errors';
import type { QueueItem } from '@lyftr/shared/batch';
import type { Full } from '@lyftr/queue/room';
import type { SignedRequest } from '@lyftr/sources/source';
import type { Coalescer } from './coalesce.js';
import type { RouteMetrics } from './observe.js';

export interface IntakeOptions {
  /** Why the queue has no room, or undefined when it has. */
  full: () => Full | undefined;
  coalescer: Coalescer;
}

/** `headers` are those that the route reads. */
export interface Delivery extends SignedRequest {
  /** As it came. */
  contentType: string | undefined;
  requestId: string;
  /** True when the sender gave the id: then it goes through the queue. */
  isTraced: boolean;
  /** `performance.now()` when the delivery began to arrive. */
  startedAt: number;
  /** Every name and value in turn, as node:http has them. The fast path does not keep them. */
  rawHeaders?: readonly string[];
}

/** One of the two is called, once. */
export interface Reply<A> {
  ok(answer: A): void;
  refuse(problem: ProblemError): void;
}

/** What a route makes of a request. */
export interface Taken<A> {
  /** Undefined when nothing is to be stored: then the queue needs no room for it. */
  items?: QueueItem[];
  /** Given when Redis has the items. */
  answer: A;
}

export interface IntakeRoute<A> {
  /** What has to be collected of a request, by names in lower case. */
  readonly headers: readonly string[];
  readonly bytesMax: number;
  readonly metrics: RouteMetrics;
  /** Verifies and reads a request whose method, path and size have been checked. Throws ProblemError. */
  read(delivery: Delivery): Taken<A>;
  /** Called when Redis has the items. */
  stored?(items: readonly QueueItem[]): void;
}

export interface Intake<A> extends Pick<IntakeRoute<A>, 'headers' | 'bytesMax' | 'metrics'> {
  /** Handles a delivery whose method, path and size have been checked. */
  take(delivery: Delivery, reply: Reply<A>): void;
}

/** What was thrown, as the sender may see it. */
function asProblem(error: unknown): ProblemError {
  return error instanceof ProblemError ? error : new ProblemError('internal');
}

export function createIntake<A>({ full, coalescer }: IntakeOptions, route: IntakeRoute<A>): Intake<A> {
  const { headers, bytesMax, metrics } = route;

  function requireRoom(): void {
    const why = full();
    if (why === undefined) return;
    const { reason, retryAfterSeconds } = why;
    throw new ProblemError('queue-unavailable', reason, { retryAfterSeconds });
  }

  return {
    headers,
    bytesMax,
    metrics,
    take(delivery, reply) {
      const { body, requestId, isTraced, startedAt } = delivery;
      const refuse = (error: unknown): void => {
        const problem = asProblem(error);
        if (problem !== error) metrics.failed(error, requestId);
        reply.refuse(problem);
        metrics.refused(problem.code, startedAt, requestId);
      };
      try {
        const { items, answer } = route.read(delivery);
        if (items === undefined) {
          reply.ok(answer);
          return;
        }
        requireRoom();
        const ok = (): void => {
          reply.ok(answer);
          metrics.accepted(items.length, startedAt, requestId);
          route.stored?.(items);
        };
        if (items.length === 0) {
          ok();
          return;
        }
        coalescer.offer({
          items,
          requestId: isTraced ? requestId : undefined,
          bytes: isTraced ? body.length + requestId.length : body.length,
          done(error) {
            if (error === undefined) ok();
            else refuse(error);
          },
        });
      } catch (error) {
        refuse(error);
      }
    },
  };
}
