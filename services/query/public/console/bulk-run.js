/** Does one thing to many dead letters, one after the other. Uses no page, so that it can be tested without a browser. */

/** After so many failures in a row that are not about the dead letter, the rest would fail too. */
const OUTAGES_MAX = 3;

const NOT_FOUND = 404;
const isOutage = ({ status }) => status === 0 || status >= 500;

/**
 * Calls `act(id)` for each of `ids`, and `progress(done)` after each. `act` resolves with '' or with what is left to do.
 * Resolves with `{ done, gone, failures, isStopped, isOut }`: how many were done, how many no longer existed, `[id, text]`
 * of those that failed, and why it ended early.
 */
export async function runBulk(ids, { act, progress, isStopped }) {
  const result = { done: 0, gone: 0, failures: [], isStopped: false, isOut: false };
  let outages = 0;
  for (const [index, id] of ids.entries()) {
    if (isStopped()) return { ...result, isStopped: true };
    try {
      const left = await act(id);
      outages = 0;
      if (left === '') result.done++;
      else result.failures.push([id, left]);
    } catch (error) {
      if (error.status === undefined) throw error;
      outages = isOutage(error) ? outages + 1 : 0;
      if (error.status === NOT_FOUND) result.gone++;
      else result.failures.push([id, error.message]);
    }
    progress(index + 1);
    if (outages === OUTAGES_MAX) return { ...result, isOut: true };
  }
  return result;
}

/** One or two sentences about the result of `runBulk`. `verb` is `replayed` or `discarded`. */
export function bulkWords({ done, gone, failures, isStopped, isOut }, total, verb) {
  const words = [`${done} of ${total} ${verb}.`];
  if (gone > 0) words.push(`${gone} no longer existed.`);
  if (failures.length > 0) words.push(`${failures.length} failed.`);
  if (isStopped) words.push('You stopped it; the rest is unchanged.');
  if (isOut) words.push(`It ended after ${OUTAGES_MAX} failures in a row, because the rest would fail too.`);
  return words.join(' ');
}
