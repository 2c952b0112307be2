/** From the raw bytes of a verified body to message tuples, or to a ProblemError that says what is wrong. */
import { isUtf8 } from 'node:buffer';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fieldErrors, ProblemError, type FieldError } from '@lyftr/shared/errors';
import type { MessageTuple } from '@lyftr/shared/batch';
import { messageSchema, type Message } from '@lyftr/shared/message';
import { partsOf, readExtra, type Part } from './extra.js';

/** A message before its defaults. */
type Incoming = Omit<Message, 'text'> & { text?: string };

const isMessage = new Ajv2020({ allErrors: true, strict: true }).compile<Incoming>(messageSchema);

export const invalid = (errors: FieldError[]) => new ProblemError('invalid-message', undefined, { errors });

/** Decodes fatally: Node's own decoding would store U+FFFD in silence. */
function decode(body: Buffer): string {
  if (!isUtf8(body)) throw new ProblemError('not-json', 'The body is not valid UTF-8.');
  return body.toString('utf8');
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProblemError('not-json', `${where} is not valid JSON.`);
  }
}

/** `textOf` gives the text that `value` was parsed from. */
function toTuple(value: unknown, textOf: () => string, path: string): MessageTuple {
  if (!isMessage(value)) throw invalid(fieldErrors(isMessage.errors, path));
  const { message_id, from, to, ts, text = '' } = value;
  const wellFormed =
    message_id.isWellFormed() && from.isWellFormed() && to.isWellFormed() && text.isWellFormed();
  if (!wellFormed) {
    const errors = Object.entries({ message_id, from, to, text })
      .filter(([, member]) => !member.isWellFormed())
      .map(([name]) => ({ path: `${path}/${name}`, message: 'must not contain a lone surrogate' }));
    throw invalid(errors);
  }
  const extra = readExtra(value, textOf, path);
  return extra === undefined ? [message_id, from, to, ts, text] : [message_id, from, to, ts, text, extra];
}

/** Throws ProblemError `not-json`. */
export const parseBody = (body: Buffer): unknown => parseJson(decode(body), 'The body');

export function readMessage(body: Buffer): MessageTuple {
  const text = decode(body);
  return toTuple(parseJson(text, 'The body'), () => text, '');
}

/** All or nothing: the first bad message refuses the whole array. */
export function readArray(body: Buffer): MessageTuple[] {
  const text = decode(body);
  const values = parseJson(text, 'The body');
  if (!Array.isArray(values)) throw invalid([{ path: '', message: 'must be an array of messages' }]);
  let items: Part[] | undefined;
  const itemText = (index: number): string => ((items ??= partsOf(text))[index] as Part).text;
  return values.map((value, index) => toTuple(value, () => itemText(index), `/${index}`));
}

/** One JSON object a line; empty lines are skipped. Paths count messages from 0, as in an array. */
export function readLines(body: Buffer): MessageTuple[] {
  const tuples: MessageTuple[] = [];
  for (const [index, line] of decode(body).split('\n').entries()) {
    if (line.trim() === '') continue;
    tuples.push(toTuple(parseJson(line, `Line ${index + 1}`), () => line, `/${tuples.length}`));
  }
  return tuples;
}
