/** `GET /export`: streams every match for a file. */
import { once } from 'node:events';
import type { RequestHandler, Response } from 'express';
import { stringify } from 'csv-stringify/sync';
import { guardCell } from '@lyftr/shared/csv';
import { asDelivered } from '@lyftr/shared/message';
import type { ReadStore, StoredMessage } from '@lyftr/store/store';
import { abandoned } from './abandoned.js';
import type { FieldError } from '@lyftr/shared/errors';
import { exportedDelivery } from './delivery.js';
import { filterConflicts, searchParameters, toFilter, type SearchQuery } from './messages.js';
import { parameterReader, type ParameterSchema } from './parameters.js';

export const exportParameters = {
  type: 'object',
  properties: {
    format: {
      type: 'string',
      enum: ['ndjson', 'csv'],
      default: 'ndjson',
      description: 'Format of the file.',
    },
    ...searchParameters,
    deliveries: {
      type: 'integer',
      minimum: 0,
      maximum: 1,
      default: 0,
      description:
        'With 1, messages of sources are replaced by the deliveries that they came by, each as {"delivery": …} on a line of its own. Only for ndjson.',
    },
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

interface ExportQuery extends SearchQuery {
  format: 'ndjson' | 'csv';
  deliveries: 0 | 1;
}

function conflicts(query: Partial<ExportQuery>): FieldError[] {
  const errors = filterConflicts(query);
  if (query.deliveries === 1 && query.format === 'csv')
    errors.push({ path: 'deliveries', message: 'must be 0 when format is csv' });
  return errors;
}

interface Format {
  contentType: string;
  head: string;
  textOf: (messages: readonly StoredMessage[]) => string;
}

const CSV_COLUMNS = ['message_id', 'from', 'to', 'ts', 'text', 'extra'];

const FORMATS: Record<ExportQuery['format'], Format> = {
  // in the form in which it was delivered, so that it can be delivered again
  ndjson: {
    contentType: 'application/x-ndjson',
    head: '',
    textOf: (messages) =>
      messages
        .map(
          ({ message_id, from, to, ts, text, extra }) =>
            `${asDelivered({ message_id, from, to, ts, text }, extra)}\n`,
        )
        .join(''),
  },
  csv: {
    contentType: 'text/csv; charset=utf-8',
    head: `${CSV_COLUMNS.join(',')}\r\n`,
    textOf: (messages) =>
      stringify(
        messages.map(({ message_id, from, to, ts, text, extra }) =>
          [message_id, from, to, String(ts), text, extra ?? ''].map(guardCell),
        ),
        // by default the library quotes only cells with this kind of line break
        { record_delimiter: '\r\n', quote_record_delimiter: true },
      ),
  },
};

/** Lines that can be imported with what was signed: plain messages, then the deliveries of sources. */
async function* deliveryTexts(
  store: ReadStore,
  { order, ...query }: ExportQuery,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const filter = toFilter(query);
  const { textOf } = FORMATS.ndjson;
  for await (const messages of store.export(filter, order, signal))
    yield textOf(messages.filter(({ source }) => source === null));
  for await (const deliveries of store.deliveries(filter, order, signal))
    yield deliveries.map((each) => `${JSON.stringify({ delivery: exportedDelivery(each) })}\n`).join('');
}

async function* messageTexts(
  store: ReadStore,
  { order, format, ...query }: ExportQuery,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { textOf } = FORMATS[format];
  for await (const messages of store.export(toFilter(query), order, signal)) yield textOf(messages);
}

async function write(res: Response, text: string, signal: AbortSignal): Promise<void> {
  if (text !== '' && !res.write(text)) await once(res, 'drain', { signal });
}

/**
 * When a read fails after the first one, the connection is cut. A response that ends without an error is therefore
 * complete.
 */
export function exportMessages(store: ReadStore): RequestHandler {
  const read = parameterReader<ExportQuery>(exportParameters, conflicts);

  async function send(query: ExportQuery, res: Response, signal: AbortSignal): Promise<void> {
    const { contentType, head } = FORMATS[query.format];
    const parts = (query.deliveries === 1 ? deliveryTexts : messageTexts)(store, query, signal);
    // an error before the first part becomes a normal error response
    let part = await parts.next();
    // set the type last, because attachment() sets one from the file name
    res.attachment(`messages.${query.format}`).set('content-type', contentType);
    await write(res, head, signal);
    for (; part.done !== true; part = await parts.next()) await write(res, part.value, signal);
    res.end();
  }

  return async (req, res) => {
    await send(read(req.url), res, abandoned(res));
  };
}
