/**
 * The path of a delivery, from its first byte to its answer:
 * size → signature over the raw bytes → content type → JSON → schema → room in the queue → enqueue.
 *
 * It runs on plain `node:http`: on Node 20, Express costs several times what everything here costs together.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROBLEMS, ProblemError } from '@lyftr/shared/errors';
import { sendProblem } from '@lyftr/shared/http';
import type { MessageTuple } from '@lyftr/shared/job';
import type { Coalescer } from './coalesce.js';
import type { IntakeMetrics } from './observe.js';
import { readArray, readLines, readMessage } from './validate.js';

export interface IntakeOptions {
  maxBodyBytes: number;
  verify: (signature: string | undefined, body: Buffer) => boolean;
  /** Why the queue has no room, or undefined when it has. */
  full: () => string | undefined;
  coalescer: Coalescer;
  metrics: IntakeMetrics;
}

type Reader = (body: Buffer) => MessageTuple[];

export interface IntakeRoute {
  path: string;
  /** By media type, in lower case and without parameters. */
  readers: Record<string, Reader>;
  answer(messages: MessageTuple[]): string;
}

export const SINGLE: IntakeRoute = {
  path: '/webhook',
  readers: { 'application/json': (body) => [readMessage(body)] },
  answer: () => '{"status":"ok"}',
};

export const BATCH: IntakeRoute = {
  path: '/webhook/batch',
  readers: { 'application/json': readArray, 'application/x-ndjson': readLines },
  answer: (messages) => `{"status":"ok","accepted":${messages.length}}`,
};

function readerFor(route: IntakeRoute, contentType: string | undefined): Reader {
  const exact = route.readers[contentType ?? ''];
  if (exact !== undefined) return exact;
  const [mediaType = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const reader = Object.hasOwn(route.readers, mediaType.trim()) ? route.readers[mediaType.trim()] : undefined;
  const charset = parameters
    .map((parameter) => parameter.trim())
    .find((parameter) => parameter.startsWith('charset='));
  if (reader === undefined || (charset !== undefined && !/^charset="?utf-8"?$/.test(charset))) {
    throw new ProblemError('unsupported-media-type');
  }
  return reader;
}

/** Handles `POST` on one route; method and path have been checked. */
export function createIntake(options: IntakeOptions, route: IntakeRoute) {
  const { maxBodyBytes, verify, full, coalescer, metrics } = options;

  function refuse(req: IncomingMessage, res: ServerResponse, startedAt: number, error: unknown): void {
    if (res.headersSent || res.destroyed) return;
    const known = error instanceof ProblemError ? error : new ProblemError('internal');
    const { code, message, errors, retryAfterSeconds } = known;
    const headers: Record<string, string> = {};
    if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
    // the rest of the body would have to be read before the connection could carry another request
    if (!req.complete) headers['connection'] = 'close';
    const detail = message === PROBLEMS[code].title ? {} : { detail: message };
    sendProblem(res, code, { headers, ...detail, ...(errors === undefined ? {} : { errors }) });
    metrics.refused(route.path, code, startedAt);
    if (!(error instanceof ProblemError)) metrics.failed(error);
  }

  function accept(req: IncomingMessage, res: ServerResponse, startedAt: number, body: Buffer): void {
    const { headers } = req;
    if (!verify(headers['x-signature'] as string | undefined, body)) throw new ProblemError('bad-signature');
    const messages = readerFor(route, headers['content-type'])(body);
    const why = full();
    if (why !== undefined) throw new ProblemError('queue-unavailable', why, { retryAfterSeconds: 2 });
    if (messages.length === 0) {
      answerOk(res, startedAt, messages);
      return;
    }
    coalescer.offer({
      messages,
      bytes: body.length,
      done(error) {
        if (error === undefined) answerOk(res, startedAt, messages);
        else refuse(req, res, startedAt, error);
      },
    });
  }

  function answerOk(res: ServerResponse, startedAt: number, messages: MessageTuple[]): void {
    const answer = route.answer(messages);
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
    res.end(answer);
    metrics.accepted(route.path, messages.length, startedAt);
  }

  return (req: IncomingMessage, res: ServerResponse): void => {
    const startedAt = performance.now();
    const tooLarge = () => refuse(req, res, startedAt, new ProblemError('body-too-large'));
    if (Number(req.headers['content-length'] ?? 0) > maxBodyBytes) {
      tooLarge();
      return;
    }
    let chunks: Buffer[] = [];
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBodyBytes) chunks.push(chunk);
      else if (!res.headersSent) {
        chunks = [];
        tooLarge();
      }
    });
    req.on('end', () => {
      if (res.headersSent) return;
      const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes);
      try {
        accept(req, res, startedAt, body);
      } catch (error) {
        refuse(req, res, startedAt, error);
      }
    });
    // a sender that goes away in the middle of its body has been promised nothing
    req.on('error', () => {});
  };
}
