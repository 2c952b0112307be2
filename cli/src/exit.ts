/** What the command's exit codes say. README.md lists them. */

/** Something was refused, is missing or is not as it should be. */
export const EXIT_FAILED = 1;
/** EX_USAGE of sysexits.h. */
export const EXIT_USAGE = 64;
/** EX_UNAVAILABLE: nothing answers where the system should be. */
export const EXIT_UNAVAILABLE = 69;
/** As a shell says of a process that Ctrl-C has ended. */
const EXIT_INTERRUPTED = 130;

/** Ends the command with this exit code; `message` is for a person. */
export class ExitError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'ExitError';
    this.exitCode = exitCode;
  }
}

/**
 * Ends the process on Ctrl-C or SIGTERM through its `exit` listeners, which remove what is half done and give the terminal
 * back. Call what it returns to undo this.
 */
export function exitWhenInterrupted(): () => void {
  const exit = (): never => process.exit(EXIT_INTERRUPTED);
  process.on('SIGINT', exit).on('SIGTERM', exit);
  return () => process.off('SIGINT', exit).off('SIGTERM', exit);
}
