/** Starts and stops a service process: title, settings, signals, time limit. */
import { SettingsError } from './env.js';
import { SHUTDOWN_GRACE_MS } from '../limits.js';
import { createLogger, type Logger } from './log.js';
import type { Service } from '../metrics.js';

export const EXIT_SETTINGS = 78;

export interface Running {
  /** Finishes the work in progress, so that no acknowledged message is lost. */
  close(): Promise<void>;
  /** Reads again what can change while the service runs, at SIGHUP. */
  reload?(): void;
  /** The work that close() has not finished, for the log line when the grace period ends. */
  unfinished(): string;
}

/**
 * Closes the service on SIGTERM or SIGINT. Returns a function that closes it for another reason. The exit code is 0
 * when all work was finished, and 1 when close() failed or the grace period ended first.
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
        'the grace period ended before the work was finished',
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
        log.error({ err: error }, 'shutdown failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => close('SIGTERM'));
  process.on('SIGINT', () => close('SIGINT'));
  return close;
}

/**
 * Calls `gone` when the parent process closes the IPC channel, even if it did so while our modules were loading. Does
 * nothing without such a channel.
 */
function watchParent(gone: () => void): void {
  const connected = process.connected as boolean | undefined;
  if (connected === false) gone();
  else if (connected) {
    process.on('disconnect', gone);
    // the channel must not keep the process alive
    process.channel?.unref();
  }
}

/** Readable lines on a terminal, JSON otherwise. The formatter is loaded only for a terminal. */
const terminal = process.stdout.isTTY
  ? (await import('./readable.js')).readableTo(process.stdout)
  : undefined;

/**
 * Runs `start` as the main function of a service. `start` sets `log.level` after it has read its settings. Invalid
 * settings are printed one per line. Nothing is retried.
 */
export function runService(service: Service, start: (log: Logger) => Promise<Running>): void {
  process.title = `lyftr:${service}`;
  const log = createLogger(service, 'info', terminal);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    process.exit(1);
  });
  // before the start there is no work to finish
  let close = (_reason: string): void => process.exit(0);
  // what a start has read may be old when it ends
  let isReloadDue = false;
  let reload = (): void => {
    isReloadDue = true;
  };
  process.on('SIGHUP', () => reload());
  watchParent(() => close('the parent process is gone'));
  start(log).then(
    (running) => {
      close = closeOnSignal(running, log);
      reload = () => running.reload?.();
      if (isReloadDue) reload();
    },
    (error: unknown) => {
      if (error instanceof SettingsError) {
        for (const fault of error.faults) log.fatal(`${error.of}: ${fault}`);
        process.exit(EXIT_SETTINGS);
      }
      const { code, port } = error as NodeJS.ErrnoException & { port?: number };
      if (code === 'EADDRINUSE') log.fatal({ port }, `port ${port} is in use by another process`);
      else log.fatal({ err: error }, 'could not start');
      process.exit(1);
    },
  );
}
