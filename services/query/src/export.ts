/** `GET /export`: every match, as it comes, for a file. */
import { once } from 'node:events';
import type { RequestHandler, Response } from 'express';
import { stringify } from 'csv-stringify/sync';
import { asDelivered } from '@lyftr/shared/message';
import { abandoned } from './abandoned.js';
import { filterConflicts, searchParameters, toFilter, knownMembers, type SearchQuery } from './messages.js';
import type { Row } from './page.js';
import { parameterReader, type ParameterSchema } from './parameters.js';
import type { Reads } from './reads.js';

/** Rows of one read: each is a snapshot of its own, so no export keeps the log from being reset. */
const CHUNK_ROWS = 1_000;

export const exportParameters = {
  type: 'object',
  properties: {
    format: { type: 'string', enum: ['ndjson', 'csv'], default: 'ndjson', description: 'Of the file.' },
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
  rows: (rows: readonly Row[]) => string;
}

const CSV_COLUMNS = ['message_id', 'from', 'to', 'ts', 'text', 'extra'];

const FORMATS: Record<ExportQuery['format'], Format> = {
  // as it was delivered, so that it can be delivered again
  ndjson: {
    contentType: 'application/x-ndjson',
    head: '',
    rows: (rows) => rows.map((row) => `${asDelivered(knownMembers(row), row.extra)}\n`).join(''),
  },
  csv: {
    contentType: 'text/csv; charset=utf-8',
    head: `${CSV_COLUMNS.join(',')}\r\n`,
    rows: (rows) =>
      stringify(
        rows.map(({ message_id, sender, recipient, ts, text, extra }) => [
          message_id,
          sender,
          recipient,
          ts,
          text,
          extra ?? '',
        ]),
        { record_delimiter: '\r\n' },
      ),
  },
};

async function write(res: Response, text: string, signal: AbortSignal): Promise<void> {
  if (text !== '' && !res.write(text)) await once(res, 'drain', { signal });
}

/** A read that fails after the first cuts the connection: an answer that ends in order is complete. */
export function exportMessages(reads: Reads): RequestHandler {
  const read = parameterReader<ExportQuery>(exportParameters, filterConflicts);
  return async (req, res) => {
    const query = read(req.url);
    const { order } = query;
    const filter = toFilter(query);
    const { contentType, head, rows: textOf } = FORMATS[query.format];
    const signal = abandoned(res);
    const next = (last: Row | undefined) =>
      reads.search(filter, { order, limit: CHUNK_ROWS, offset: 0, after: last }, signal);
    let { rows } = await next(undefined);
    // the type goes last: an attachment sets one by its name
    res.attachment(`messages.${query.format}`).set('content-type', contentType);
    await write(res, head, signal);
    while (rows.length > 0 && !signal.aborted) {
      await write(res, textOf(rows), signal);
      if (rows.length < CHUNK_ROWS) break;
      ({ rows } = await next(rows.at(-1)));
    }
    res.end();
  };
}
