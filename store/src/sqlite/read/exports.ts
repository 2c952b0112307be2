/**
 * Reads every message of a filter, or the deliveries behind them, in parts. Each part is a separate snapshot, so an
 * export never keeps the WAL from being reset.
 */
import type { StoredDelivery } from '../../delivery.js';
import type { Order, StoredMessage } from '../../store.js';
import type { Filter } from './conditions.js';
import type { Reads } from './reads.js';

/** Maximum number of rows in one part. */
const ROWS_MAX = 1_000;
/** Maximum size of the texts or bodies of a part, except for its last row, which may be as large as a body. */
const BYTES_MAX = 2 * 1024 * 1024;

/** Row numbers that are stored together as bits. */
const SET_ROWS = 65_536;

/** A set of row numbers. Takes about a bit for each. */
class RowSet {
  readonly #parts = new Map<number, Uint8Array>();

  /** Returns false when the set has the number already. */
  add(number: number): boolean {
    const key = Math.floor(number / SET_ROWS);
    let part = this.#parts.get(key);
    if (part === undefined) this.#parts.set(key, (part = new Uint8Array(SET_ROWS / 8)));
    const at = number % SET_ROWS;
    const byte = part[at >> 3] as number;
    const bit = 1 << (at & 7);
    part[at >> 3] = byte | bit;
    return (byte & bit) === 0;
  }
}

/** Whether a limit ended the part, so that more rows may follow. */
function isCut(messages: readonly StoredMessage[]): boolean {
  const bytes = ({ text, extra }: StoredMessage): number =>
    Buffer.byteLength(text) + Buffer.byteLength(extra ?? '');
  return (
    messages.length === ROWS_MAX || messages.reduce((sum, message) => sum + bytes(message), 0) >= BYTES_MAX
  );
}

export async function* exportMessages(
  reads: Reads,
  filter: Filter,
  order: Order,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredMessage[]> {
  let last: StoredMessage | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const after = last && { ts: last.ts, message_id: last.message_id };
    const page = { order, limit: ROWS_MAX, offset: 0, after, bytesMax: BYTES_MAX };
    const { messages } = await reads.search(filter, page, signal);
    if (messages.length > 0) yield messages;
    if (!isCut(messages)) return;
    last = messages.at(-1);
  }
}

/** Goes through the messages of one source after the other, because their index passes over all other messages. */
export async function* exportDeliveries(
  reads: Reads,
  filter: Filter,
  order: Order,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredDelivery[]> {
  const sources = filter.source === undefined ? await reads.sources() : [filter.source];
  const seen = new RowSet();
  for (const source of sources) {
    for await (const messages of exportMessages(reads, { ...filter, source }, order, signal)) {
      const numbers = await reads.deliveryNumbers(messages.map(({ message_id }) => message_id));
      let left = numbers.filter((number) => seen.add(number));
      while (left.length > 0) {
        signal?.throwIfAborted();
        const { read, deliveries } = await reads.deliveries(left, BYTES_MAX);
        if (deliveries.length > 0) yield deliveries;
        left = left.slice(read);
      }
    }
  }
}
