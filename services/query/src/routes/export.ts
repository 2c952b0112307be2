/** `GET /export`: streams every match for a file. */
import { once } from 'node:events';
import type { RequestHandler, Response } from 'express';
import { stringify } from 'csv-stringify/sync';
import { guardCell } from '@lyftr/shared/csv';
import { asDelivered } from '@lyftr/shared/message';
import type { ReadStore, StoredMessage } from '@lyftr/store/store';
import { abandoned } from './abandoned.js';
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
  },
  additionalProperties: false,
} as const satisfies ParameterSchema;

interface ExportQuery extends SearchQuery {
  format: 'ndjson' | 'csv';
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
    textOf: (messages) => messages.map(({ extra, ...known }) => `${asDelivered(known, extra)}\n`).join(''),
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

async function write(res: Response, text: string, signal: AbortSignal): Promise<void> {
  if (text !== '' && !res.write(text)) await once(res, 'drain', { signal });
}

/**
 * When a read fails after the first one, the connection is cut. A response that ends without an error is therefore
 * complete.
 */
export function exportMessages(store: ReadStore): RequestHandler {
  const read = parameterReader<ExportQuery>(exportParameters, filterConflicts);

  async function send(query: ExportQuery, res: Response, signal: AbortSignal): Promise<void> {
    const { contentType, head, textOf } = FORMATS[query.format];
    const parts = store.export(toFilter(query), query.order, signal)[Symbol.asyncIterator]();
    // an error before the first part becomes a normal error response
    let part = await parts.next();
    // set the type last, because attachment() sets one from the file name
    res.attachment(`messages.${query.format}`).set('content-type', contentType);
    await write(res, head, signal);
    for (; part.done !== true; part = await parts.next()) await write(res, textOf(part.value), signal);
    res.end();
  }

  return async (req, res) => {
    await send(read(req.url), res, abandoned(res));
  };
}
