/** Every request has an id: in its answer, in log lines, and, when the sender gave it, through the queue. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const REQUEST_ID = 'x-request-id';

/** What a header and a log line can carry as it is. */
const ACCEPTED = /^[A-Za-z0-9._:-]{1,128}$/;

/** Told apart by the life of a process, and counted in it: 0.05 µs, a random UUID would be several times that. */
const PREFIX = `${randomBytes(5).toString('hex')}-`;
let requests = 0;

export const newRequestId = (): string => PREFIX + (requests++).toString(36);

/** The id that a sender gave; undefined when it is none that we take over. */
export function givenRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && ACCEPTED.test(header) ? header : undefined;
}

/** Of a request that a server of `http.ts` took in. */
export const requestIdOf = (req: IncomingMessage): string => req.headers[REQUEST_ID] as string;
