import { pino, type DestinationStream, type Logger } from 'pino';
import { boundedOutput } from './output.js';
import { refusalOf } from './refusal.js';

export type { Logger };

/**
 * What of an error is logged, and what mends it when that is known. Not its other members: ioredis keeps the arguments of the failed command on it, and those
 * of an `add` are the messages.
 */
function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const { code } = error as NodeJS.ErrnoException;
  const hint = refusalOf(error);
  return {
    type: name,
    message,
    stack,
    ...(code === undefined ? {} : { code }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/**
 * One JSON line per event, on standard output unless told otherwise. `fatal`: the process ends. `error`: something of ours
 * is wrong. `warn`: somebody should look. `info`: a life begins or ends. `debug`: each delivery, each transaction. Nothing is logged per message at `info`; a message's text, a
 * signature or a secret is never logged at any level.
 */
export function createLogger(service: string, level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: serializeError },
  };
  return pino(options, destination ?? boundedOutput(process.stdout, service));
}

/**
 * Passes the first call of each window and counts the others, so that a dead Redis costs a line a second and not
 * a line a request. `write` is told how many calls it stands for.
 */
export function rateLimited<A extends unknown[]>(
  windowMs: number,
  write: (suppressed: number, ...args: A) => void,
): (...args: A) => void {
  let last = -Infinity;
  let suppressed = 0;
  return (...args) => {
    const now = performance.now();
    if (now - last < windowMs) {
      suppressed++;
      return;
    }
    last = now;
    write(suppressed, ...args);
    suppressed = 0;
  };
}
