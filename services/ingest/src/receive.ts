/** Deliveries over `node:http`: reads the body up to its limit, and answers on the ServerResponse. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Headers } from '@lyftr/sources/source';
import { PROBLEMS, type ProblemError } from '@lyftr/shared/errors';
import { sendProblem, type ProblemOptions } from '@lyftr/shared/runtime/http';
import { REQUEST_ID, requestIdOf } from '@lyftr/shared/runtime/request-id';
import { readBody, type BodyOptions } from './body.js';
import type { Intake } from './intake.js';
import type { IntakeMetrics } from './observe.js';

export interface ReceiverOptions extends BodyOptions {
  path: string;
  intake: Intake;
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

/** Answers with a problem, whether the body has arrived or not. */
export function refuseRequest(req: IncomingMessage, res: ServerResponse, problem: ProblemError): void {
  if (res.headersSent || res.destroyed) return;
  const options = problemOptions(problem);
  // the rest of the body would have to be read before the connection could carry another request
  const closing = req.complete ? {} : { connection: 'close' };
  sendProblem(res, problem.code, { ...options, headers: { ...options.headers, ...closing } });
}

/** The headers of these names; an array where one occurs more than once. */
function headersOf({ headersDistinct }: IncomingMessage, names: readonly string[]): Headers {
  const values = names.map((name) => [name, headersDistinct[name]] as const);
  return Object.fromEntries(values.map(([name, all]) => [name, all?.length === 1 ? all[0] : all]));
}

/** Handles `POST` on one route. */
export function createReceiver({ path, intake, metrics, ...bodyOptions }: ReceiverOptions) {
  return (req: IncomingMessage, res: ServerResponse): void => {
    const startedAt = performance.now();
    const requestId = requestIdOf(req);
    const refuse = (problem: ProblemError): void => refuseRequest(req, res, problem);
    readBody(
      req,
      bodyOptions,
      (body) => {
        const delivery = {
          method: 'POST',
          url: req.url ?? '',
          headers: headersOf(req, intake.headers),
          contentType: req.headers['content-type'],
          body,
          nowMs: Date.now(),
          requestId,
          // more than one of the header are joined, and none of them is taken over
          isTraced: req.headersDistinct[REQUEST_ID]?.[0] === requestId,
          startedAt,
        };
        intake.take(delivery, {
          ok(answer) {
            if (res.destroyed) return;
            res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
            res.end(answer);
          },
          refuse,
        });
      },
      (problem) => {
        refuse(problem);
        metrics.refused(path, problem.code, startedAt, requestId);
      },
    );
  };
}
