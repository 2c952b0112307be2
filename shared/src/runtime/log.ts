import { pino, type DestinationStream, type Logger } from 'pino';
import { boundedOutput } from './output.js';
import { refusalOf } from './refusal.js';

export type { Logger };

/**
 * The logged members of an error, and a hint when there is one. Other members are left out: ioredis keeps the
 * arguments of the failed command on the error, and those of an `add` contain messages.
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
 * Writes one JSON line per event, to standard output by default. The levels are:
 *
 * - `fatal`: the process ends.
 * - `error`: a fault of Lyftr itself.
 * - `warn`: an operator should look.
 * - `info`: something starts, ends or changes its state. Nothing is logged per message.
 * - `debug`: each delivery and each transaction.
 *
 * No level logs the text of a message, a signature or a secret.
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
 * Calls `write` at most once per window, with the number of calls it stands for. Without it, an unreachable Redis
 * would cause one line for each request.
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
