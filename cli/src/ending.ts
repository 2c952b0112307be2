/** The end of a run. The first reason counts, whether it is a signal or a fault. */

/**
 * A terminal sends Ctrl-C to npm and to us, and npm forwards it to us as well. One keystroke therefore arrives twice
 * within milliseconds. A second keystroke of a person comes later than this.
 */
const SAME_KEYSTROKE_MS = 500;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Reason {
  exitCode: number;
  /** A line for a person. Undefined for a signal, because its sender knows about it. */
  message?: string;
}

export class Ending {
  readonly #controller = new AbortController();
  #reason: Reason | undefined;
  #resolve!: (reason: Reason) => void;

  /** Resolves with the first reason. */
  readonly begun = new Promise<Reason>((resolve) => (this.#resolve = resolve));

  /** Aborts when the end begins, so that starting processes stop starting. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(reason: Reason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller.abort();
    this.#resolve(reason);
  }

  /**
   * The first signal begins the end. `onAgain` is called for a second signal, from a person who does not want to
   * wait.
   */
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
