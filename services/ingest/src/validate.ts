/** From the raw bytes of a verified body to message tuples, or to a ProblemError that says what is wrong. */
import { isUtf8 } from 'node:buffer';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fieldErrors, ProblemError, type FieldError } from '@lyftr/shared/errors';
import type { MessageTuple } from '@lyftr/shared/job';
import { EXTRA_DEPTH_MAX } from '@lyftr/shared/limits';
import { MESSAGE_MEMBERS, messageSchema, type Message } from '@lyftr/shared/message';

/** A message before its defaults. */
type Incoming = Omit<Message, 'text'> & { text?: string };

const isMessage = new Ajv2020({ allErrors: true, strict: true }).compile<Incoming>(messageSchema);

const invalid = (errors: FieldError[]) => new ProblemError('invalid-message', undefined, { errors });

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

/** Throws when a string holds half a surrogate pair (UTF-8 cannot store it), or when nesting is deeper than allowed. */
function checkDeep(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw invalid([{ path, message: 'must not contain a lone surrogate' }]);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth === 0)
    throw invalid([{ path, message: `must not be nested deeper than ${EXTRA_DEPTH_MAX} levels` }]);
  if (Array.isArray(value)) {
    for (const item of value) checkDeep(item, path, depth - 1);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    checkDeep(name, path, depth);
    checkDeep(member, path, depth - 1);
  }
}

/** The members beyond the known five as JSON text; undefined when there are none. */
function readExtra(message: object, path: string): string | undefined {
  let extra: Record<string, unknown> | undefined;
  for (const name in message) {
    if (MESSAGE_MEMBERS.has(name)) continue;
    // no prototype: a member named __proto__ is data like any other
    extra ??= Object.create(null) as Record<string, unknown>;
    extra[name] = (message as Record<string, unknown>)[name];
  }
  if (extra === undefined) return undefined;
  checkDeep(extra, path === '' ? '/' : path, EXTRA_DEPTH_MAX);
  return JSON.stringify(extra);
}

function toTuple(value: unknown, path: string): MessageTuple {
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
  const extra = readExtra(value, path);
  return extra === undefined ? [message_id, from, to, ts, text] : [message_id, from, to, ts, text, extra];
}

export function readMessage(body: Buffer): MessageTuple {
  return toTuple(parseJson(decode(body), 'The body'), '');
}

/** All or nothing: the first bad message refuses the whole array. */
export function readArray(body: Buffer): MessageTuple[] {
  const values = parseJson(decode(body), 'The body');
  if (!Array.isArray(values)) throw invalid([{ path: '', message: 'must be an array of messages' }]);
  return values.map((value, index) => toTuple(value, `/${index}`));
}

/** One JSON object a line; empty lines are skipped. Paths count messages from 0, as in an array. */
export function readLines(body: Buffer): MessageTuple[] {
  const tuples: MessageTuple[] = [];
  for (const [index, line] of decode(body).split('\n').entries()) {
    if (line.trim() === '') continue;
    tuples.push(toTuple(parseJson(line, `Line ${index + 1}`), `/${tuples.length}`));
  }
  return tuples;
}
