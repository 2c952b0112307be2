/** Deliveries over `node:http`: reads the body up to its limit, and answers on the ServerResponse. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROBLEMS, type ProblemError } from '@lyftr/shared/errors';
import { sendProblem, type ProblemOptions } from '@lyftr/shared/runtime/http';
import { REQUEST_ID, requestIdOf } from '@lyftr/shared/runtime/request-id';
import type { Answer } from '@lyftr/sources/source';
import { readBody, type Unverified } from './body.js';
import { collectHeaders } from './headers.js';
import type { Intake } from './intake.js';

/** The parts of an answer that come from the problem. */
export function problemOptions({ code, message, errors, retryAfterSeconds }: ProblemError): ProblemOptions {
  return {
    ...(message === PROBLEMS[code].title ? {} : { detail: message }),
    ...(errors === undefined ? {} : { errors }),
    headers: retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
  };
}

/** Answers with a problem, whether the body has arrived or not. */
export function refuseRequest(req: IncomingMessage, res: ServerResponse, problem: ProblemError): void {
  if (res.headersSent || res.destroyed) return;
  const options = problemOptions(problem);
  // the rest of the body would have to be read before the connection could carry another request
  const closing = req.complete ? {} : { connection: 'close' };
  sendProblem(res, problem.code, { ...options, headers: { ...options.headers, ...closing } });
}

export function sendAnswer(res: ServerResponse, { status, type, body }: Answer): void {
  if (res.destroyed) return;
  res.writeHead(status, {
    ...(type === undefined ? {} : { 'content-type': type }),
    // RFC 9110, 8.6: a 204 has none
    ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(body) }),
  });
  res.end(body);
}

/** `answer` is JSON. */
export function sendJson(res: ServerResponse, answer: string): void {
  sendAnswer(res, { status: 200, type: 'application/json', body: answer });
}

export interface ReceiverOptions<A> {
  intake: Intake<A>;
  unverified: Unverified;
  send: (res: ServerResponse, answer: A) => void;
}

/** Handles `POST` on one route. */
export function createReceiver<A>({ intake, unverified, send }: ReceiverOptions<A>) {
  const { bytesMax, metrics } = intake;
  const names = [...intake.headers, REQUEST_ID];
  return (req: IncomingMessage, res: ServerResponse): void => {
    const startedAt = performance.now();
    const requestId = requestIdOf(req);
    const refuse = (problem: ProblemError): void => refuseRequest(req, res, problem);
    readBody(
      req,
      { bytesMax, unverified },
      (body) => {
        const { rawHeaders } = req;
        const headers = collectHeaders(rawHeaders, names);
        const delivery = {
          method: 'POST',
          url: req.url ?? '',
          headers,
          contentType: req.headers['content-type'],
          body,
          nowMs: Date.now(),
          requestId,
          isTraced: headers[REQUEST_ID] === requestId,
          startedAt,
          rawHeaders,
        };
        intake.take(delivery, { ok: (answer) => send(res, answer), refuse });
      },
      (problem) => {
        refuse(problem);
        metrics.refused(problem.code, startedAt, requestId);
      },
    );
  };
}
