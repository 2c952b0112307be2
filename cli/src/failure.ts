/** Writes the error of a command to standard error. */
import { printable } from './printable.js';

/** Writes one line: text, or with `json` an object whose `error` has the message and any `details`. */
export function writeFailure(message: string, json: boolean, details: object = {}): void {
  const line = json ? JSON.stringify({ error: { message, ...details } }) : `lyftr: ${printable(message)}`;
  process.stderr.write(`${line}\n`);
}
