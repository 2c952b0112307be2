/** What the command's exit codes say. README.md lists them. */

/** Something was refused, is missing or is not as it should be. */
export const EXIT_FAILED = 1;
/** EX_USAGE of sysexits.h. */
export const EXIT_USAGE = 64;
/** EX_UNAVAILABLE: nothing answers where the system should be. */
export const EXIT_UNAVAILABLE = 69;
