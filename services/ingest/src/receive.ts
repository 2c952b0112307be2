/** Deliveries over `node:http`: reads the body up to its limit, and answers on the ServerResponse. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROBLEMS, ProblemError } from '@lyftr/shared/errors';
import { sendProblem, type ProblemOptions } from '@lyftr/shared/http';
import { REQUEST_ID, requestIdOf } from '@lyftr/shared/request-id';
import type { Intake } from './intake.js';
import type { IntakeMetrics } from './observe.js';

export interface ReceiverOptions {
  path: string;
  intake: Intake;
  maxBodyBytes: number;
  metrics: IntakeMetrics;
}

/** The parts of an answer that come from the problem. */
export function problemOptions({ code, message, errors, retryAfterSeconds }: ProblemError): ProblemOptions {
  return {
    ...(message === PROBLEMS[code].title ? {} : { detail: message }),
    ...(errors === undefined ? {} : { errors }),
    headers: retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
  };
}

/** Handles `POST` on one route. */
export function createReceiver({ path, intake, maxBodyBytes, metrics }: ReceiverOptions) {
  function refuse(req: IncomingMessage, res: ServerResponse, problem: ProblemError): void {
    if (res.headersSent || res.destroyed) return;
    const options = problemOptions(problem);
    // the rest of the body would have to be read before the connection could carry another request
    const headers = req.complete ? options.headers : { ...options.headers, connection: 'close' };
    sendProblem(res, problem.code, { ...options, ...(headers === undefined ? {} : { headers }) });
  }

  return (req: IncomingMessage, res: ServerResponse): void => {
    const startedAt = performance.now();
    const requestId = requestIdOf(req);
    const tooLarge = (): void => {
      refuse(req, res, new ProblemError('body-too-large'));
      metrics.refused(path, 'body-too-large', startedAt, requestId);
    };
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
      const delivery = {
        // a repeated header is joined by a comma, and fails the shape of a signature
        signature: req.headers['x-signature'] as string | undefined,
        contentType: req.headers['content-type'],
        body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes),
        requestId,
        // more than one of the header are joined, and none of them is taken over
        isTraced: req.headersDistinct[REQUEST_ID]?.[0] === requestId,
        startedAt,
      };
      intake(delivery, {
        ok(answer) {
          if (res.destroyed) return;
          res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
          res.end(answer);
        },
        refuse: (problem) => refuse(req, res, problem),
      });
    });
    // a sender that goes away in the middle of its body has been promised nothing
    req.on('error', () => {});
  };
}
