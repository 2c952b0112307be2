/**
 * The path of a delivery, from its body to its answer:
 * signature over the raw bytes → content type → JSON → schema → room in the queue → enqueue.
 *
 * It knows nothing of sockets: `receive.ts` (node:http) and `fast-path.ts` bring deliveries in and answers out.
 */
import { ProblemError } from '@lyftr/shared/errors';
import type { MessageTuple } from '@lyftr/shared/batch';
import type { Coalescer } from './coalesce.js';
import type { IntakeMetrics } from './observe.js';
import type { Full } from '@lyftr/queue/room';
import type { SignedRequest, Source } from '@lyftr/sources/source';
import { readArray, readLines, readMessage } from './validate.js';

export interface IntakeOptions {
  /** Why the queue has no room, or undefined when it has. */
  full: () => Full | undefined;
  coalescer: Coalescer;
  metrics: IntakeMetrics;
}

/** `headers` are those that the source reads. */
export interface Delivery extends SignedRequest {
  /** As it came. */
  contentType: string | undefined;
  requestId: string;
  /** True when the sender gave the id: then it goes through the queue. */
  isTraced: boolean;
  /** `performance.now()` when the delivery began to arrive. */
  startedAt: number;
}

/** One of the two is called, once. */
export interface Reply {
  ok(answer: string): void;
  refuse(problem: ProblemError): void;
}

type Reader = (body: Buffer) => MessageTuple[];

export interface IntakeRoute {
  path: string;
  /** By media type, in lower case and without parameters. */
  readers: ReadonlyMap<string, Reader>;
  answer(messages: MessageTuple[]): string;
}

export const SINGLE: IntakeRoute = {
  path: '/webhook',
  readers: new Map([['application/json', (body) => [readMessage(body)]]]),
  answer: () => '{"status":"ok"}',
};

export const BATCH: IntakeRoute = {
  path: '/webhook/batch',
  readers: new Map([
    ['application/json', readArray],
    ['application/x-ndjson', readLines],
  ]),
  answer: (messages) => `{"status":"ok","accepted":${messages.length}}`,
};

const CHARSET_UTF8 = /^charset="?utf-8"?$/;

function readerFor(route: IntakeRoute, contentType = ''): Reader {
  const exact = route.readers.get(contentType);
  if (exact !== undefined) return exact;
  const [mediaType = '', ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const reader = route.readers.get(mediaType);
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  if (reader === undefined || (charset !== undefined && !CHARSET_UTF8.test(charset))) {
    throw new ProblemError('unsupported-media-type');
  }
  return reader;
}

/** What was thrown, as the sender may see it. */
function asProblem(error: unknown): ProblemError {
  return error instanceof ProblemError ? error : new ProblemError('internal');
}

export interface Intake {
  /** What has to be collected of a request, by names in lower case. */
  readonly headers: readonly string[];
  /** Handles a delivery whose method, path and size have been checked. */
  take(delivery: Delivery, reply: Reply): void;
}

/** Handles the deliveries of one route, which come from `source`. */
export function createIntake(options: IntakeOptions, route: IntakeRoute, source: Source): Intake {
  const { full, coalescer, metrics } = options;

  function accept(delivery: Delivery): MessageTuple[] {
    const { contentType, body } = delivery;
    if ('reason' in source.verify(delivery)) throw new ProblemError('bad-signature');
    const messages = readerFor(route, contentType)(body);
    const why = full();
    if (why !== undefined) {
      const { reason, retryAfterSeconds } = why;
      throw new ProblemError('queue-unavailable', reason, { retryAfterSeconds });
    }
    return messages;
  }

  return {
    headers: source.headers,
    take(delivery, reply) {
      const { body, requestId, isTraced, startedAt } = delivery;
      const refuse = (error: unknown): void => {
        const problem = asProblem(error);
        if (problem !== error) metrics.failed(error, requestId);
        reply.refuse(problem);
        metrics.refused(route.path, problem.code, startedAt, requestId);
      };
      try {
        const messages = accept(delivery);
        const ok = (): void => {
          reply.ok(route.answer(messages));
          metrics.accepted(route.path, messages.length, startedAt, requestId);
        };
        if (messages.length === 0) {
          ok();
          return;
        }
        coalescer.offer({
          messages,
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
