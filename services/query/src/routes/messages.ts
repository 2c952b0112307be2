import type { RequestHandler } from 'express';
import { ProblemError, type FieldError } from '@lyftr/shared/errors';
import { MAPPED_ADDRESS_CHARS_MAX } from '@lyftr/shared/limits';
import { messageSchema, type Message } from '@lyftr/shared/message';
import type { Filter, ReadStore, StoredMessage } from '@lyftr/store/store';
import { decodeCursor, encodeCursor } from './cursor.js';
import { isoToSeconds } from './iso.js';
import { parameterReader, type ParameterSchema } from './parameters.js';
import { abandoned } from './abandoned.js';
import { deliveryAnswer } from './delivery.js';

const SEARCH_CHARS_MAX = 1_024;

/** Messages that came by a source may have longer addresses than those that are posted. */
export const addresses = {
  from: { ...messageSchema.properties.from, maxLength: MAPPED_ADDRESS_CHARS_MAX },
  to: { ...messageSchema.properties.to, maxLength: MAPPED_ADDRESS_CHARS_MAX },
} as const;

/** The filter parameters, which are the same on every route. */
export const filterParameters = {
  from_: { ...addresses.from, description: 'Exact sender.' },
  from: { ...addresses.from, description: 'Alias of from_.' },
  to: { ...addresses.to, description: 'Exact recipient.' },
  source: { type: 'string', maxLength: 32, description: 'Exact name of the source.' },
  since: {
    type: 'string',
    format: 'iso-8601',
    description: 'Earliest ts, inclusive. An ISO 8601 date or time; UTC when it has no zone.',
  },
  until: {
    type: 'string',
    format: 'iso-8601',
    description: 'Latest ts, exclusive. Same format as since.',
  },
} as const;

export const searchParameters = {
  q: {
    type: 'string',
    maxLength: SEARCH_CHARS_MAX,
    description: 'Substring of the text, case-insensitive. There are no wildcards.',
  },
  ...filterParameters,
  order: {
    type: 'string',
    enum: ['asc', 'desc'],
    default: 'asc',
    description: 'Order by (ts, message_id).',
  },
} as const;

export const messagesParameters = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 50, description: 'Messages per page.' },
    offset: {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 0,
      description: 'Number of messages to skip. To read many pages of a search with q, a cursor is faster.',
    },
    ...searchParameters,
    cursor: {
      type: 'string',
      format: 'cursor',
      description:
        'Pages by cursor instead of offset. Leave it empty for the first page, then send next_cursor of the previous page.',
    },
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

export interface FilterQuery {
  from_?: string;
  from?: string;
  to?: string;
  source?: string;
  since?: string;
  until?: string;
}

export interface SearchQuery extends FilterQuery {
  q?: string;
  order: 'asc' | 'desc';
}

interface MessagesQuery extends SearchQuery {
  limit: number;
  offset: number;
  cursor?: string;
}

export function filterConflicts({ from, from_: sender }: FilterQuery): FieldError[] {
  if (from === undefined || sender === undefined || from === sender) return [];
  return [{ path: 'from', message: 'must be equal to from_' }];
}

function conflicts(query: Partial<MessagesQuery>): FieldError[] {
  const { offset, cursor } = query;
  const errors = filterConflicts(query);
  if (cursor !== undefined && typeof offset === 'number' && offset > 0) {
    errors.push({ path: 'offset', message: 'must be 0 when cursor is set' });
  }
  return errors;
}

export function toFilter({
  from,
  from_: sender,
  to: recipient,
  source,
  since,
  until,
  q,
}: FilterQuery & { q?: string }): Filter {
  return {
    from: sender ?? from,
    to: recipient,
    source,
    since: since === undefined ? undefined : isoToSeconds(since),
    until: until === undefined ? undefined : isoToSeconds(until),
    text: q === '' ? undefined : q,
  };
}

/** The JSON text of a message, with the original text of `extra`. `source` is present when the message came by one. */
export function messageText({ extra, source, ...known }: StoredMessage): string {
  const text = JSON.stringify(source === null ? known : { ...known, source });
  return extra === null ? text : `${text.slice(0, -1)},"extra":${extra}}`;
}

/** The response of `GET /messages`. */
export interface MessagesAnswer {
  /** The exact number of matches, from the same snapshot as `data`. */
  total: number;
  limit: number;
  offset: number;
  data: Message[];
  has_more: boolean;
  /** Present when the request has a cursor. Null on the last page. */
  next_cursor?: string | null;
}

/** The JSON text of a MessagesAnswer. */
async function answer(store: ReadStore, query: MessagesQuery, signal: AbortSignal): Promise<string> {
  const { limit, offset, order, cursor } = query;
  const after = cursor === undefined || cursor === '' ? undefined : decodeCursor(cursor);
  const byCursor = cursor !== undefined;
  // one extra row tells whether another page follows
  const page = { order, limit: byCursor ? limit + 1 : limit, offset, after };
  const { total, messages } = await store.search(toFilter(query), page, signal);
  const shown = messages.slice(0, limit);
  const last = shown.at(-1);
  const next_cursor = messages.length > limit && last !== undefined ? encodeCursor(last) : null;
  const more = byCursor
    ? { has_more: next_cursor !== null, next_cursor }
    : { has_more: offset + limit < total };
  const head = JSON.stringify({ total, limit, offset }).slice(0, -1);
  return `${head},"data":[${shown.map(messageText).join(',')}],${JSON.stringify(more).slice(1)}`;
}

/** `GET /messages`. */
export function listMessages(store: ReadStore): RequestHandler {
  const read = parameterReader<MessagesQuery>(messagesParameters, conflicts);
  return async (req, res) => {
    res.type('json').send(await answer(store, read(req.url), abandoned(res)));
  };
}

/** `GET /messages/{message_id}`. Express decodes the id, and answers 400 when it cannot. */
export function getMessage(store: ReadStore): RequestHandler<{ message_id: string }> {
  return async (req, res) => {
    const { message_id: id } = req.params;
    const message = await store.message(id);
    if (message === undefined) throw new ProblemError('not-found', 'No message has this id.');
    const delivery = message.source === null ? undefined : await store.delivery(id);
    const text = messageText(message);
    const more = delivery === undefined ? '' : `,"delivery":${JSON.stringify(deliveryAnswer(delivery))}`;
    res.type('json').send(`${text.slice(0, -1)}${more}}`);
  };
}
