/** `GET /export`: every match, as it comes, for a file. */
import { once } from 'node:events';
import type { RequestHandler, Response } from 'express';
import { stringify } from 'csv-stringify/sync';
import { guardCell } from '@lyftr/shared/csv';
import { asDelivered } from '@lyftr/shared/message';
import { abandoned } from './abandoned.js';
import { filterConflicts, searchParameters, toFilter, knownMembers, type SearchQuery } from './messages.js';
import type { Row } from './page.js';
import { parameterReader, type ParameterSchema } from './parameters.js';
import type { Reads } from './reads.js';

/** Rows of one read: each is a snapshot of its own, so no export keeps the log from being reset. */
const CHUNK_ROWS = 1_000;
/** And their texts, but for the last of them: one may be as large as a body. */
const CHUNK_BYTES = 2 * 1024 * 1024;

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
        rows.map(({ message_id, sender, recipient, ts, text, extra }) =>
          [message_id, sender, recipient, String(ts), text, extra ?? ''].map(guardCell),
        ),
        // left to itself it quotes a line break of this kind alone
        { record_delimiter: '\r\n', quote_record_delimiter: true },
      ),
  },
};

async function write(res: Response, text: string, signal: AbortSignal): Promise<void> {
  if (text !== '' && !res.write(text)) await once(res, 'drain', { signal });
}

/** Whether a chunk was ended by a bound, so that more may follow. */
function isCut(rows: readonly Row[]): boolean {
  const bytes = ({ text, extra }: Row): number => Buffer.byteLength(text) + Buffer.byteLength(extra ?? '');
  return rows.length === CHUNK_ROWS || rows.reduce((sum, row) => sum + bytes(row), 0) >= CHUNK_BYTES;
}

/** A read that fails after the first cuts the connection: an answer that ends in order is complete. */
export function exportMessages(reads: Reads): RequestHandler {
  const read = parameterReader<ExportQuery>(exportParameters, filterConflicts);

  async function send(query: ExportQuery, res: Response, signal: AbortSignal): Promise<void> {
    const { order } = query;
    const filter = toFilter(query);
    const { contentType, head, rows: textOf } = FORMATS[query.format];
    const next = async (last: Row | undefined): Promise<Row[]> => {
      const after = last === undefined ? undefined : { ts: last.ts, message_id: last.message_id };
      const page = { order, limit: CHUNK_ROWS, offset: 0, after, bytesMax: CHUNK_BYTES };
      return (await reads.search(filter, page, signal)).rows;
    };
    let rows = await next(undefined);
    // the type goes last: an attachment sets one by its name
    res.attachment(`messages.${query.format}`).set('content-type', contentType);
    await write(res, head, signal);
    while (rows.length > 0) {
      await write(res, textOf(rows), signal);
      rows = isCut(rows) ? await next(rows.at(-1)) : [];
    }
    res.end();
  }

  return async (req, res) => {
    await send(read(req.url), res, abandoned(res));
  };
}
