import type { RequestHandler } from 'express';
import { ProblemError, type FieldError } from '@lyftr/shared/errors';
import { fold } from '@lyftr/shared/fold';
import { messageSchema, type Message } from '@lyftr/shared/message';
import { decodeCursor, encodeCursor } from './cursor.js';
import { isoToSeconds } from './iso.js';
import { parameterReader, type ParameterSchema } from './parameters.js';
import { countMatches, findPage, type Row } from './search.js';
import type { Store } from './store.js';

const SEARCH_CHARS_MAX = 1_024;

const { from: address, to } = messageSchema.properties;

export const messagesParameters = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 50, description: 'Messages per page.' },
    offset: {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 0,
      description: 'Messages to skip. A cursor is cheaper for a walk through many pages.',
    },
    q: {
      type: 'string',
      maxLength: SEARCH_CHARS_MAX,
      description: 'Substring of the text, whatever its case; every character stands for itself.',
    },
    from_: { ...address, description: 'Exact sender.' },
    from: { ...address, description: 'The same as from_.' },
    to: { ...to, description: 'Exact recipient.' },
    since: {
      type: 'string',
      format: 'iso-8601',
      description: 'Earliest ts, inclusive: an ISO 8601 date or time, UTC when it has no zone.',
    },
    until: {
      type: 'string',
      format: 'iso-8601',
      description: 'End of the range of ts, exclusive; written like since.',
    },
    order: {
      type: 'string',
      enum: ['asc', 'desc'],
      default: 'asc',
      description: 'Order by (ts, message_id).',
    },
    cursor: {
      type: 'string',
      format: 'cursor',
      description:
        'Pages by place instead of by number: empty for the first page, then next_cursor of the answer before.',
    },
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

interface MessagesQuery {
  limit: number;
  offset: number;
  q?: string;
  from_?: string;
  from?: string;
  to?: string;
  since?: string;
  until?: string;
  order: 'asc' | 'desc';
  cursor?: string;
}

function conflicts({ from, from_: sender, offset, cursor }: Partial<MessagesQuery>): FieldError[] {
  const errors: FieldError[] = [];
  if (from !== undefined && sender !== undefined && from !== sender) {
    errors.push({ path: 'from', message: 'must not differ from from_' });
  }
  if (cursor !== undefined && typeof offset === 'number' && offset > 0) {
    errors.push({ path: 'offset', message: 'must be 0 beside a cursor' });
  }
  return errors;
}

function toMessage(row: Row): Message {
  const message: Message = {
    message_id: row.message_id,
    from: row.sender,
    to: row.recipient,
    ts: row.ts,
    text: row.text,
  };
  if (row.extra !== null) message.extra = JSON.parse(row.extra) as Record<string, unknown>;
  return message;
}

export interface MessagesAnswer {
  /** Exact, in the same snapshot as `data`. */
  total: number;
  limit: number;
  offset: number;
  data: Message[];
  has_more: boolean;
  /** Only in answers to a request with a cursor; null on the last page. */
  next_cursor?: string | null;
}

function answer(store: Store, query: MessagesQuery): MessagesAnswer {
  const { limit, offset, order, q, cursor, from, from_: sender } = query;
  const filter = {
    from: sender ?? from,
    to: query.to,
    since: query.since === undefined ? undefined : isoToSeconds(query.since),
    until: query.until === undefined ? undefined : isoToSeconds(query.until),
    needle: q === undefined || q === '' ? undefined : fold(q),
  };
  const after = cursor === undefined || cursor === '' ? undefined : decodeCursor(cursor);
  const byCursor = cursor !== undefined;
  // one row more than the page tells whether another page follows
  const page = { order, limit: byCursor ? limit + 1 : limit, offset, after };
  const { total, rows } = store.read((reader) => ({
    total: countMatches(reader, filter),
    rows: findPage(reader, filter, page),
  }));
  const data = rows.slice(0, limit).map(toMessage);
  if (!byCursor) return { total, limit, offset, data, has_more: offset + limit < total };
  const last = data.at(-1);
  const next_cursor = rows.length > limit && last !== undefined ? encodeCursor(last) : null;
  return { total, limit, offset, data, has_more: next_cursor !== null, next_cursor };
}

/** `GET /messages`. */
export function listMessages(store: Store): RequestHandler {
  const read = parameterReader<MessagesQuery>(messagesParameters, conflicts);
  return (req, res) => {
    res.json(answer(store, read(req.url)));
  };
}

const BY_ID = 'SELECT message_id, sender, recipient, ts, text, extra FROM messages WHERE message_id = @id';

/** `GET /messages/{message_id}`; Express has decoded the id, and answered 400 when it could not. */
export function getMessage(store: Store): RequestHandler<{ message_id: string }> {
  return (req, res) => {
    const row = store.read((reader) => reader.get(BY_ID, { id: req.params.message_id })) as Row | undefined;
    if (row === undefined) throw new ProblemError('not-found', 'There is no message with this id.');
    res.json(toMessage(row));
  };
}
