/** Counts the messages in an export while its bytes pass. */

export const FORMATS = ['ndjson', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

export interface RecordCounter {
  add(chunk: Uint8Array): void;
  /** So far, without the header of CSV. */
  readonly records: number;
  /** Whether the bytes so far end with the end of a record. */
  readonly complete: boolean;
}

const NEWLINE = 0x0a;
const QUOTE = 0x22;

/** A line break inside quotes belongs to a CSV field; a doubled quote opens and closes, which changes nothing. */
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
