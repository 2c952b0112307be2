/**
 * Thresholds at which a search changes its method. All methods give the same answer at different cost. Tests use
 * small numbers to run every method.
 */
export interface Tuning {
  /** Up to this number of rows, a search tests each row without the text index and remembers nothing: about 5 ms. */
  narrowRows: number;
  /** Maximum number of remembered matches. Reading their times costs about 1 µs each, once. */
  hitsMax: number;
  /** Maximum number of trigrams in an index query for one or two characters. With more, a scan is as fast. */
  trigramsMax: number;
  /** Marks per statement, each for a million characters. The index reads them in 50 ms at most. */
  indexChunkMarks: number;
  /** Rows per statement that tests rows. */
  scanChunkRows: number;
  /** Up to this number, rows are skipped one by one and not with buckets. */
  skipMax: number;
}

export const TUNING: Tuning = {
  narrowRows: 5_000,
  hitsMax: 50_000,
  trigramsMax: 1_000,
  indexChunkMarks: 16,
  scanChunkRows: 512,
  skipMax: 200,
};
