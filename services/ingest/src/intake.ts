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
import { readArray, readLines, readMessage } from './validate.js';

export interface IntakeOptions {
  verify: (signature: string | undefined, body: Buffer) => boolean;
  /** Why the queue has no room, or undefined when it has. */
  full: () => Full | undefined;
  coalescer: Coalescer;
  metrics: IntakeMetrics;
}

export interface Delivery {
  /** `x-signature` and `content-type`, as they came. */
  signature: string | undefined;
  contentType: string | undefined;
  body: Buffer;
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

export type Intake = (delivery: Delivery, reply: Reply) => void;

/** Handles the deliveries of one route whose method, path and size have been checked. */
export function createIntake(options: IntakeOptions, route: IntakeRoute): Intake {
  const { verify, full, coalescer, metrics } = options;

  function accept({ signature, contentType, body }: Delivery): MessageTuple[] {
    if (!verify(signature, body)) throw new ProblemError('bad-signature');
    const messages = readerFor(route, contentType)(body);
    const why = full();
    if (why !== undefined) {
      const { reason, retryAfterSeconds } = why;
      throw new ProblemError('queue-unavailable', reason, { retryAfterSeconds });
    }
    return messages;
  }

  return (delivery, reply) => {
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
  };
}
