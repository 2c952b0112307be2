/** Where a search changes its way. Every way gives the same answer, at another cost; tests take each by small numbers. */
export interface Tuning {
  /** Rows that are tested one by one, without the text index and without remembering: about 5 ms. */
  narrowRows: number;
  /** Matches that are remembered one by one; reading their times costs about 1 µs each, once. */
  hitsMax: number;
  /** A needle of one or two characters with more matches is counted by the writer alone. */
  gramHitsMax: number;
  /** Rows of one snapshot. The index answers ten million in less than half a second; each part costs a start of its own. */
  indexChunkRows: number;
  /** A scan tests as many in about 20 ms. */
  scanChunkRows: number;
  /** Rows that are skipped one by one rather than by buckets. */
  skipMax: number;
}

export const TUNING: Tuning = {
  narrowRows: 5_000,
  hitsMax: 50_000,
  gramHitsMax: 50_000,
  indexChunkRows: 10_000_000,
  scanChunkRows: 50_000,
  skipMax: 200,
};
