/** The ReadStore of this engine. Small reads run here, and reads of messages run in threads. */
import { DEAD_LETTER_KINDS, type DeadLettersWaiting } from '@lyftr/shared/outcomes';
import type {
  DeadLetter,
  Filter as StoreFilter,
  Order,
  ReadStore,
  Stored,
  StoredMessage,
} from '../../store.js';
import { fold } from '../fold.js';
import { readStoreAccount } from './account.js';
import type { Filter } from './conditions.js';
import { createReads } from './reads.js';
import { readSizes } from './sizes.js';
import { Snapshots, type Reader } from './snapshots.js';

/**
 * Maximum number of rows in one part of an export. Each part is a separate snapshot, so an export never keeps the WAL
 * from being reset.
 */
const EXPORT_ROWS = 1_000;
/** Maximum size of the texts of a part, except for its last row, which may be as large as a body. */
const EXPORT_BYTES = 2 * 1024 * 1024;

const DEAD_LETTER_COLUMNS = 'id, kind, reason, message_id, received_at, raw';

const toFilter = ({ text, ...columns }: StoreFilter): Filter => ({
  ...columns,
  needle: text === undefined ? undefined : fold(text),
});

/** Whether a limit ended the part, so that more rows may follow. */
function isCut(messages: readonly StoredMessage[]): boolean {
  const bytes = ({ text, extra }: StoredMessage): number =>
    Buffer.byteLength(text) + Buffer.byteLength(extra ?? '');
  return (
    messages.length === EXPORT_ROWS ||
    messages.reduce((sum, message) => sum + bytes(message), 0) >= EXPORT_BYTES
  );
}

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
  limit: number,
  offset: number,
): { total: number; letters: DeadLetter[] } {
  const { total } = reader.get('SELECT count(*) AS total FROM dead_letters') as { total: number };
  const letters = reader.all(
    `SELECT ${DEAD_LETTER_COLUMNS} FROM dead_letters ORDER BY id DESC LIMIT @limit OFFSET @offset`,
    { limit, offset },
  ) as DeadLetter[];
  return { total, letters };
}

/** `timeoutMs` limits every read that takes a signal. */
export function openSqliteReadStore(file: string, timeoutMs: number): ReadStore {
  const snapshots = new Snapshots(file);
  const reads = createReads(file, timeoutMs);

  async function* exported(
    filter: Filter,
    order: Order,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<StoredMessage[]> {
    let last: StoredMessage | undefined;
    for (;;) {
      signal?.throwIfAborted();
      const after = last && { ts: last.ts, message_id: last.message_id };
      const page = { order, limit: EXPORT_ROWS, offset: 0, after, bytesMax: EXPORT_BYTES };
      const { messages } = await reads.search(filter, page, signal);
      if (messages.length > 0) yield messages;
      if (!isCut(messages)) return;
      last = messages.at(-1);
    }
  }

  return {
    search: (filter, page, signal) => reads.search(toFilter(filter), page, signal),
    message: (id) => reads.message(id),
    export: (filter, order, signal) => exported(toFilter(filter), order, signal),
    stats: (query, signal) => reads.stats(query, signal),
    timeline: ({ bucket, filter }, signal) => reads.timeline({ bucket, filter: toFilter(filter) }, signal),
    stored: async (producers) => snapshots.read((reader) => readStored(reader, producers)),
    deadLetters: async (limit, offset) => snapshots.read((reader) => readLetters(reader, limit, offset)),
    deadLetter: async (id) =>
      snapshots.read((reader) =>
        reader.get(`SELECT ${DEAD_LETTER_COLUMNS} FROM dead_letters WHERE id = @id`, { id }),
      ) as DeadLetter | undefined,
    sizes: async () => readSizes(file),
    state: async () => snapshots.state(),
    async close() {
      await reads.close();
      snapshots.close();
    },
  };
}
