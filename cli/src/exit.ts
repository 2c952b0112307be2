/** The exit codes of the command. README.md lists them. */

/** Something failed, was refused or is missing. */
export const EXIT_FAILED = 1;
/** EX_USAGE of sysexits.h. */
export const EXIT_USAGE = 64;
/** EX_UNAVAILABLE: the system is not responding. */
export const EXIT_UNAVAILABLE = 69;
/** The exit code that a shell reports for a process that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

/** Ends the command with this exit code. `message` is for a person. */
export class ExitError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'ExitError';
    this.exitCode = exitCode;
  }
}

/**
 * Exits on Ctrl-C or SIGTERM and runs the `exit` listeners, which remove incomplete files and restore the terminal.
 * Returns a function that undoes this.
 */
export function exitWhenInterrupted(): () => void {
  const exit = (): never => process.exit(EXIT_INTERRUPTED);
  process.on('SIGINT', exit).on('SIGTERM', exit);
  return () => process.off('SIGINT', exit).off('SIGTERM', exit);
}
