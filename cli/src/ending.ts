/** How a run comes to its end: the first reason counts, whether it is a signal or a fault. */

/**
 * A terminal sends Ctrl-C to npm and to us, and npm sends it on to us as well: one keystroke arrives twice within
 * milliseconds. A person who wants out presses again later than this.
 */
const SAME_KEYSTROKE_MS = 500;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Reason {
  exitCode: number;
  /** A line for a person; undefined for a signal, which its sender knows about. */
  message?: string;
}

export class Ending {
  readonly #controller = new AbortController();
  #reason: Reason | undefined;
  #resolve!: (reason: Reason) => void;

  /** Resolves with the first reason. */
  readonly begun = new Promise<Reason>((resolve) => (this.#resolve = resolve));

  /** Aborts when the end begins: whatever is still starting must stop doing so. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(reason: Reason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller.abort();
    this.#resolve(reason);
  }

  /** The first signal begins the end; `onAgain` is for the one after it, from somebody who will not wait. */
  watchSignals(onSignal: (signal: string) => void, onAgain: () => void): void {
    let firstAt: number | undefined;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        const now = performance.now();
        if (firstAt === undefined) {
          firstAt = now;
          onSignal(signal);
          this.begin({ exitCode: 0 });
        } else if (now - firstAt > SAME_KEYSTROKE_MS) onAgain();
      });
    }
  }
}
