/** Counts the messages of an export as its bytes pass. */

export const FORMATS = ['ndjson', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

export interface RecordCounter {
  add(chunk: Uint8Array): void;
  /** The number of records so far, without the CSV header. */
  readonly records: number;
  /** Whether the bytes so far end at the end of a record. */
  readonly complete: boolean;
}

const NEWLINE = 0x0a;
const QUOTE = 0x22;

/**
 * A line break inside quotes is part of a CSV field. A doubled quote closes and opens a quoted part, which changes
 * nothing.
 */
export function createRecordCounter(format: Format): RecordCounter {
  const isCsv = format === 'csv';
  let ends = 0;
  let quoted = false;
  let last = NEWLINE;
  return {
    add(chunk) {
      for (const byte of chunk) {
        if (byte === QUOTE && isCsv) quoted = !quoted;
        else if (byte === NEWLINE && !quoted) ends++;
      }
      last = chunk.at(-1) ?? last;
    },
    get records() {
      return Math.max(0, isCsv ? ends - 1 : ends);
    },
    get complete() {
      return last === NEWLINE && !quoted && (!isCsv || ends > 0);
    },
  };
}
