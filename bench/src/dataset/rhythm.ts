/** When messages arrive: more by day than by night, fewer at the weekend. */

/** 2026-01-01T00:00:00Z, a Thursday. */
export const FIRST_SECOND = 1_767_225_600;
export const DAYS = 90;
const HOURS = DAYS * 24;
const FIRST_WEEKDAY = 4;

const HOUR_WEIGHTS = [2, 1, 1, 1, 1, 2, 4, 8, 12, 15, 16, 15, 14, 14, 15, 15, 14, 13, 13, 14, 13, 10, 6, 4];
const WEEKDAY_WEIGHTS = [0.55, 1.05, 1, 1, 1, 1.1, 0.7];

/** The share of all messages that arrives before each hour ends. */
const SHARE_UNTIL: Float64Array = (() => {
  const shares = new Float64Array(HOURS + 1);
  for (let hour = 0; hour < HOURS; hour++) {
    const weekday = (FIRST_WEEKDAY + Math.floor(hour / 24)) % 7;
    shares[hour + 1] =
      (shares[hour] as number) + (HOUR_WEIGHTS[hour % 24] as number) * (WEEKDAY_WEIGHTS[weekday] as number);
  }
  const all = shares[HOURS] as number;
  return shares.map((share) => share / all);
})();

/** The second at which the `share` (0 to 1) of all messages has arrived. */
export function secondAt(share: number): number {
  let low = 0;
  let high = HOURS;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((SHARE_UNTIL[middle] as number) <= share) low = middle;
    else high = middle;
  }
  const from = SHARE_UNTIL[low] as number;
  const until = SHARE_UNTIL[high] as number;
  return FIRST_SECOND + Math.floor(3_600 * (low + (share - from) / (until - from)));
}
