/** Where a search changes its way. Every way gives the same answer, at another cost; tests take each by small numbers. */
export interface Tuning {
  /** Rows that are tested one by one, without the text index and without remembering: about 5 ms. */
  narrowRows: number;
  /** Matches that are remembered one by one; reading their times costs about 1 µs each, once. */
  hitsMax: number;
  /** Trigrams by which the index is asked for one or two characters. With more of them a scan is as quick. */
  trigramsMax: number;
  /** Marks of one statement, each for a million characters: the index goes through them in 50 ms at worst. */
  indexChunkMarks: number;
  /** Rows of one statement that tests them. */
  scanChunkRows: number;
  /** Rows that are skipped one by one rather than by buckets. */
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
