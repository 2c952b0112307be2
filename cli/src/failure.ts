/** What a command says on standard error when it fails. */
import { printable } from './printable.js';

/** One line: text, or with `json` an object whose `error` has the message, and `details` where there are any. */
export function writeFailure(message: string, json: boolean, details: object = {}): void {
  const line = json ? JSON.stringify({ error: { message, ...details } }) : `lyftr: ${printable(message)}`;
  process.stderr.write(`${line}\n`);
}
