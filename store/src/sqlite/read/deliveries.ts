/** Reads the deliveries behind messages. */
import type { StoredDelivery } from '../../delivery.js';
import type { Reader } from './snapshots.js';

/** A delivery as it leaves a thread: there, a Buffer becomes a plain array of bytes. */
export interface ThreadDelivery extends Omit<StoredDelivery, 'body'> {
  body: Uint8Array;
}

interface Row extends Omit<ThreadDelivery, 'headers' | 'imported'> {
  headers: string;
  imported: number;
}

const COLUMNS = `d.source, d.scheme, d.key, d.delivery_id AS id, d.verified_at, d.signed_at, d.content_type, d.headers,
  d.imported, d.body`;

const toDelivery = ({ headers, imported, ...row }: Row): ThreadDelivery => ({
  ...row,
  headers: JSON.parse(headers) as Record<string, string>,
  imported: imported === 1,
});

/** The delivery that a message came by. */
export function readDelivery(reader: Reader, messageId: string): ThreadDelivery | undefined {
  const row = reader.get(
    `SELECT ${COLUMNS} FROM messages AS m JOIN deliveries AS d ON d.id = m.delivery WHERE m.message_id = @messageId`,
    { messageId },
  ) as Row | undefined;
  return row && toDelivery(row);
}

/** The sources of all messages. Looks up one index entry for each. */
export function readSources(reader: Reader): string[] {
  const rows = reader.all(
    `WITH RECURSIVE known (source) AS (
       SELECT min(source) FROM messages WHERE source IS NOT NULL
       UNION ALL
       SELECT (SELECT min(source) FROM messages WHERE source > known.source) FROM known WHERE known.source IS NOT NULL
     )
     SELECT source FROM known WHERE source IS NOT NULL`,
  ) as { source: string }[];
  return rows.map(({ source }) => source);
}

/** The numbers of the deliveries of these messages, in the order of the messages, as often as they occur. */
export function readNumbers(reader: Reader, messageIds: readonly string[]): number[] {
  const rows = reader.all(
    `SELECT m.delivery AS number FROM json_each(@ids) AS wanted CROSS JOIN messages AS m ON m.message_id = wanted.value
     WHERE m.delivery IS NOT NULL ORDER BY wanted.key`,
    { ids: JSON.stringify(messageIds) },
  ) as { number: number }[];
  return rows.map(({ number }) => number);
}

/** The beginning of a list of deliveries. */
export interface DeliveriesPart {
  /** How many of the numbers are done with. Retention may have removed some of their deliveries. */
  read: number;
  deliveries: ThreadDelivery[];
}

/** Reads deliveries by their numbers until their bodies reach `bytesMax`. */
export function readDeliveries(reader: Reader, numbers: readonly number[], bytesMax: number): DeliveriesPart {
  const part: DeliveriesPart = { read: 0, deliveries: [] };
  let bytes = 0;
  for (const number of numbers) {
    const row = reader.get(`SELECT ${COLUMNS} FROM deliveries AS d WHERE d.id = @number`, { number });
    part.read++;
    if (row === undefined) continue;
    const delivery = toDelivery(row as Row);
    part.deliveries.push(delivery);
    bytes += delivery.body.byteLength;
    if (bytes >= bytesMax) break;
  }
  return part;
}
