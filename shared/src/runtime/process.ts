/** How a service process begins and ends: title, settings faults, signals, deadline. */
import { SettingsError } from './env.js';
import { SHUTDOWN_GRACE_MS } from '../limits.js';
import { createLogger, type Logger } from './log.js';
import type { Service } from '../metrics.js';

export const EXIT_SETTINGS = 78;

export interface Running {
  /** Finishes what was begun: nothing acknowledged may be lost. */
  close(): Promise<void>;
  /** What close() has not finished yet, for the log line of a deadline that cut it off. */
  unfinished(): string;
}

/**
 * Ends on SIGTERM or SIGINT. Returns what ends it for another reason.
 * Exit code 0 when everything was finished, 1 when the grace period cut something off or something threw.
 */
function closeOnSignal(running: Running, log: Logger): (reason: string) => void {
  let closing = false;
  const close = (reason: string): void => {
    if (closing) return;
    closing = true;
    log.info({ reason }, 'closing');
    const deadline = setTimeout(() => {
      log.error(
        { graceMs: SHUTDOWN_GRACE_MS, unfinished: running.unfinished() },
        'the grace period ended before everything was finished',
      );
      process.exit(1);
    }, SHUTDOWN_GRACE_MS);
    running.close().then(
      () => {
        clearTimeout(deadline);
        log.info('closed');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'closing failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => close('SIGTERM'));
  process.on('SIGINT', () => close('SIGINT'));
  return close;
}

/**
 * Calls `gone` when the parent that holds the other end of the IPC channel is gone, also when it went while our modules
 * were loading. A process without such a channel has nothing to watch.
 */
function watchParent(gone: () => void): void {
  const connected = process.connected as boolean | undefined;
  if (connected === false) gone();
  else if (connected) {
    process.on('disconnect', gone);
    // only watched, so it must not keep the process alive by itself
    process.channel?.unref();
  }
}

/** JSON for machines, lines for a person; what makes those is loaded only where a person looks. */
const terminal = process.stdout.isTTY
  ? (await import('./readable.js')).readableTo(process.stdout)
  : undefined;

/** Runs `start` as the main function of a service; it sets `log.level` once it has read its settings. Settings faults are printed one a line; nothing is retried. */
export function runService(service: Service, start: (log: Logger) => Promise<Running>): void {
  process.title = `lyftr:${service}`;
  const log = createLogger(service, 'info', terminal);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    process.exit(1);
  });
  // until it has started, it has nothing to finish
  let close = (_reason: string): void => process.exit(0);
  watchParent(() => close('parent gone'));
  start(log).then(
    (running) => (close = closeOnSignal(running, log)),
    (error: unknown) => {
      if (error instanceof SettingsError) {
        for (const fault of error.faults) log.fatal(`settings: ${fault}`);
        process.exit(EXIT_SETTINGS);
      }
      const { code, port } = error as NodeJS.ErrnoException & { port?: number };
      if (code === 'EADDRINUSE') log.fatal({ port }, `port ${port} is taken by another process`);
      else log.fatal({ err: error }, 'could not start');
      process.exit(1);
    },
  );
}
