/** The ReadStore of this engine. Small reads run here, and reads of messages run in threads. */
import { DEAD_LETTER_KINDS, type DeadLettersWaiting } from '@lyftr/shared/outcomes';
import type { UnmappedDelivery } from '../../delivery.js';
import {
  LISTED_RAW_CHARS_MAX,
  type DeadLetter,
  type Filter as StoreFilter,
  type LetterFilter,
  type ReadStore,
  type Stored,
} from '../../store.js';
import { fold } from '../fold.js';
import { readStoreAccount } from './account.js';
import type { Filter } from './conditions.js';
import { exportDeliveries, exportMessages } from './exports.js';
import { createReads } from './reads.js';
import { readSizes } from './sizes.js';
import { Snapshots, type Reader } from './snapshots.js';

const DEAD_LETTER_COLUMNS = 'id, kind, reason, message_id, received_at, source, delivery';

interface LetterRow extends Omit<DeadLetter, 'delivery' | 'isRawCut'> {
  /** JSON. */
  delivery: string | null;
  isRawCut: 0 | 1;
}

const toLetter = ({ delivery, isRawCut, ...row }: LetterRow): DeadLetter => ({
  ...row,
  isRawCut: isRawCut === 1,
  delivery: delivery === null ? null : (JSON.parse(delivery) as UnmappedDelivery),
});

const toFilter = ({ text, ...columns }: StoreFilter): Filter => ({
  ...columns,
  needle: text === undefined ? undefined : fold(text),
});

function readStored(reader: Reader, producers: Iterable<string>): Stored {
  const { lag } = reader.get(
    'SELECT coalesce((SELECT max(seq) FROM messages), 0) - (SELECT watermark FROM text_index) AS lag',
  ) as { lag: number };
  const letters = reader.all('SELECT kind, count(*) AS n FROM dead_letters GROUP BY kind') as {
    kind: string;
    n: number;
  }[];
  const lettersOf = (wanted: string): number => letters.find(({ kind }) => kind === wanted)?.n ?? 0;
  return {
    account: readStoreAccount((sql, parameters) => reader.all(sql, parameters), producers),
    indexLagMessages: Math.max(0, lag),
    deadLetters: Object.fromEntries(
      DEAD_LETTER_KINDS.map((kind) => [kind, lettersOf(kind)]),
    ) as DeadLettersWaiting,
  };
}

function readLetters(
  reader: Reader,
  filter: LetterFilter,
  limit: number,
  offset: number,
): { total: number; letters: DeadLetter[] } {
  const { kind, source } = filter;
  const conditions = [
    ...(kind === undefined ? [] : ['kind = @kind']),
    ...(source === undefined ? [] : ['source = @source']),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const { total } = reader.get(`SELECT count(*) AS total FROM dead_letters ${where}`, filter) as {
    total: number;
  };
  const letters = reader.all(
    `SELECT ${DEAD_LETTER_COLUMNS}, substr(raw, 1, @charsMax) AS raw, length(raw) > @charsMax AS isRawCut
     FROM dead_letters ${where} ORDER BY id DESC LIMIT @limit OFFSET @offset`,
    { ...filter, limit, offset, charsMax: LISTED_RAW_CHARS_MAX },
  ) as LetterRow[];
  return { total, letters: letters.map(toLetter) };
}

function readLetter(reader: Reader, id: number): DeadLetter | undefined {
  const row = reader.get(
    `SELECT ${DEAD_LETTER_COLUMNS}, raw, 0 AS isRawCut FROM dead_letters WHERE id = @id`,
    {
      id,
    },
  );
  return row === undefined ? undefined : toLetter(row as LetterRow);
}

/** `timeoutMs` limits every read that takes a signal. */
export function openSqliteReadStore(file: string, timeoutMs: number): ReadStore {
  const snapshots = new Snapshots(file);
  const reads = createReads(file, timeoutMs);

  return {
    search: (filter, page, signal) => reads.search(toFilter(filter), page, signal),
    message: (id) => reads.message(id),
    delivery: (messageId) => reads.delivery(messageId),
    export: (filter, order, signal) => exportMessages(reads, toFilter(filter), order, signal),
    deliveries: (filter, order, signal) => exportDeliveries(reads, toFilter(filter), order, signal),
    stats: (query, signal) => reads.stats(query, signal),
    timeline: ({ bucket, filter }, signal) => reads.timeline({ bucket, filter: toFilter(filter) }, signal),
    stored: async (producers) => snapshots.read((reader) => readStored(reader, producers)),
    deadLetters: async (filter, limit, offset) =>
      snapshots.read((reader) => readLetters(reader, filter, limit, offset)),
    deadLetter: async (id) => snapshots.read((reader) => readLetter(reader, id)),
    sizes: async () => readSizes(file),
    state: async () => snapshots.state(),
    async close() {
      await reads.close();
      snapshots.close();
    },
  };
}
