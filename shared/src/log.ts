import { pino, type Logger } from 'pino';

export type { Logger };

/**
 * One JSON line per event on standard output. Nothing is logged per message at `info`; a message's text, a
 * signature or a secret is never logged at any level.
 */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
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
