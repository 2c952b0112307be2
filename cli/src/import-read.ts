/** Reads an export line by line or record by record. A faulty one does not affect the others. */
import { isUtf8 } from 'node:buffer';
import { pipeline, Readable } from 'node:stream';
import { parse, type CsvError, type Info } from 'csv-parse';
import { unguardCell } from '@lyftr/shared/csv';
import { MESSAGE_MEMBERS } from '@lyftr/shared/message';
import { deliveryOf } from './import-delivery.js';
import type { Format } from './record-counter.js';

/** One message of the file, or one delivery of a source. */
export interface Entry {
  /** The line at which it begins, from 1. */
  line: number;
  kind: 'message' | 'delivery';
  /** JSON on one line. Undefined when the entry is faulty; `fault` then gives the reason. */
  body: Buffer | undefined;
  fault?: string;
}

const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const COLUMNS = [...MESSAGE_MEMBERS, 'extra'];
const REQUIRED_COLUMNS = ['message_id', 'from', 'to', 'ts'];

const faulty = (line: number, fault: string): Entry => ({ line, kind: 'message', body: undefined, fault });

async function* withoutMark(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of input) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < BYTE_ORDER_MARK.length) continue;
    const isMarked = head.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    yield isMarked ? head.subarray(BYTE_ORDER_MARK.length) : head;
    head = undefined;
  }
  if (head !== undefined) yield head;
}

/** Splits only at LF. node:readline also splits at U+2028, which JSON allows inside a string. */
async function* linesOf(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]);
      parts = [];
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}

/** A message is sent with its original bytes, so that nothing is rounded or reordered. */
async function* readNdjson(input: AsyncIterable<Buffer>): AsyncGenerator<Entry> {
  let line = 0;
  for await (const body of linesOf(input)) {
    line++;
    if (!isUtf8(body)) {
      yield faulty(line, 'is not valid UTF-8');
      continue;
    }
    const text = body.toString();
    if (text.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      yield faulty(line, 'is not valid JSON');
      continue;
    }
    const delivery = deliveryOf(value);
    if (delivery === undefined) yield { line, kind: 'message', body };
    else yield { line, kind: 'delivery', body: Buffer.from(JSON.stringify(delivery)) };
  }
}

/** The members of `extra` with their original JSON text, without the braces. Throws an Error that describes a fault. */
function membersOf(extra: string): string {
  let value: unknown;
  try {
    value = JSON.parse(extra);
  } catch {
    throw new Error('extra is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('extra is not a JSON object');
  const taken = Object.keys(value).find((name) => MESSAGE_MEMBERS.has(name));
  if (taken !== undefined) throw new Error(`extra has a member ${taken}, which has its own column`);
  // raw line breaks in JSON are outside of strings, so they are white space
  return extra
    .trim()
    .slice(1, -1)
    .replaceAll(/[\r\n]/g, ' ')
    .trim();
}

function bodyOf(fields: Record<string, string>): Buffer {
  const decoded = Object.entries(fields).map(([name, value]) => {
    const bytes = Buffer.from(value, 'latin1');
    if (!isUtf8(bytes)) throw new Error(`${name} is not valid UTF-8`);
    return [name, unguardCell(bytes.toString())];
  });
  const { ts = '', extra = '', ...rest } = Object.fromEntries(decoded) as Record<string, string>;
  if (!/^\d{1,15}$/.test(ts)) throw new Error('ts is not a whole number');
  const members = extra === '' ? '' : membersOf(extra);
  const known = JSON.stringify({ ...rest, ts: Number(ts) });
  return Buffer.from(members === '' ? known : `${known.slice(0, -1)},${members}}`);
}

function checkHeader(header: string[]): string[] {
  const missing = REQUIRED_COLUMNS.find((name) => !header.includes(name));
  if (missing !== undefined) throw new Error(`the first line of the CSV file has no column ${missing}`);
  const unknown = header.find((name, i) => !COLUMNS.includes(name) || header.indexOf(name) !== i);
  if (unknown !== undefined)
    throw new Error(
      `the first line of the CSV file has an unknown or repeated column ${JSON.stringify(unknown)}`,
    );
  return header;
}

interface Parsed {
  record: Record<string, string>;
  raw: string;
  /** `lines` is the line at which the record ends. */
  info: Info;
}

/** The line at which the parser found the error. */
const lineOf = (error: CsvError): number => Number(error['lines']);

async function* readCsv(input: AsyncIterable<Buffer>): AsyncGenerator<Entry> {
  const skipped: CsvError[] = [];
  const parser = parse({
    // byte by byte, so that broken UTF-8 in a field is detected and not silently replaced
    encoding: 'latin1',
    columns: checkHeader,
    info: true,
    raw: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip(error) {
      if (error !== undefined) skipped.push(error);
      return undefined;
    },
  });
  // an input error destroys the parser and is thrown by the loop below
  pipeline(Readable.from(input), parser, () => {});
  // the parser is ahead of this loop: report skipped records before the record that follows them
  const skips = function* (before: number): Generator<Entry> {
    let last = 0;
    while (skipped[0] !== undefined && lineOf(skipped[0]) < before) {
      const error = skipped.shift() as CsvError;
      // the parser reports each surplus quote of a record; report the record once
      if (lineOf(error) === last) continue;
      last = lineOf(error);
      yield faulty(last, `is not a valid CSV record (${error.code})`);
    }
  };
  for await (const { record, raw, info } of parser as AsyncIterable<Parsed>) {
    const line = info.lines - (raw.trim().split('\n').length - 1);
    yield* skips(line);
    try {
      yield { line, kind: 'message', body: bodyOf(record) };
    } catch (error) {
      yield faulty(line, (error as Error).message);
    }
  }
  yield* skips(Infinity);
}

/** Rejects with an error of the system, or with an error that describes a fault of the whole file. */
export function readEntries(input: AsyncIterable<Buffer>, format: Format): AsyncGenerator<Entry> {
  return (format === 'csv' ? readCsv : readNdjson)(withoutMark(input));
}
