/**
 * Sets of whole numbers as lists of ranges. A range is `[first, last]`, both included. Ranges are ordered and do not
 * overlap.
 */

export type Range = [first: number, last: number];

/** The numbers that are in any of the lists. The lists may overlap. */
export function union(...lists: readonly (readonly Range[])[]): Range[] {
  const merged: Range[] = [];
  for (const [first, last] of lists.flat().toSorted(([a], [b]) => a - b)) {
    const end = merged.at(-1);
    if (end !== undefined && first <= end[1] + 1) end[1] = Math.max(end[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** The numbers of `ranges` that are not in `covered`. */
export function subtract(ranges: readonly Range[], covered: readonly Range[]): Range[] {
  const rest: Range[] = [];
  let next = 0;
  for (const [first, last] of ranges) {
    let from = first;
    while (next < covered.length && (covered[next] as Range)[1] < from) next++;
    for (let i = next; i < covered.length && (covered[i] as Range)[0] <= last; i++) {
      const [coveredFirst, coveredLast] = covered[i] as Range;
      if (coveredFirst > from) rest.push([from, coveredFirst - 1]);
      from = Math.max(from, coveredLast + 1);
    }
    if (from <= last) rest.push([from, last]);
  }
  return rest;
}

/** The number of elements. */
export function size(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}
