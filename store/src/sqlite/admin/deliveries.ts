/** Checks that messages and the deliveries behind them belong together. */
import type { Database } from 'better-sqlite3';
import type { Finding } from './checks.js';

const EXAMPLES_MAX = 3;

/**
 * The number of rows of each delivery. The rows of a delivery follow each other, and its id is the number of the first
 * one. So this is one pass over the messages.
 */
const COUNTED_DELIVERIES = `
  SELECT id, messages, (
    SELECT count(*) FROM messages AS m NOT INDEXED WHERE m.seq >= d.id AND m.seq < d.next AND m.delivery = d.id
  ) AS counted
  FROM (SELECT id, messages, lead(id, 1, ${Number.MAX_SAFE_INTEGER}) OVER (ORDER BY id) AS next FROM deliveries) AS d`;

/** Corrects the counts, and removes deliveries of which no message is left. */
export const REPAIR_DELIVERIES = `
  UPDATE deliveries SET messages = counts.counted FROM (${COUNTED_DELIVERIES}) AS counts
    WHERE deliveries.id = counts.id AND deliveries.messages <> counts.counted;
  DELETE FROM deliveries WHERE messages = 0`;

export function checkDeliveries(database: Database): Finding {
  const { deliveries } = database
    .prepare<[], { deliveries: number }>('SELECT count(*) AS deliveries FROM deliveries')
    .get() as { deliveries: number };
  const { messages, missing, foreign } = database
    .prepare<[], Record<'messages' | 'missing' | 'foreign', number>>(
      `SELECT count(*) AS messages, coalesce(sum(d.id IS NULL), 0) AS missing,
         coalesce(sum(d.id IS NOT NULL AND m.source IS NOT d.source), 0) AS "foreign"
       FROM messages AS m LEFT JOIN deliveries AS d ON d.id = m.delivery
       WHERE m.delivery IS NOT NULL OR m.source IS NOT NULL`,
    )
    .get() as Record<'messages' | 'missing' | 'foreign', number>;
  const wrong = database
    .prepare<[number], { id: number; messages: number; counted: number; total: number }>(
      `SELECT *, count(*) OVER () AS total FROM (${COUNTED_DELIVERIES}) WHERE messages <> counted LIMIT ?`,
    )
    .all(EXAMPLES_MAX);
  const faults: string[] = [];
  if (missing > 0) faults.push(`${missing} messages of a source belong to a delivery that is not stored`);
  if (foreign > 0) faults.push(`${foreign} messages have another source than their delivery`);
  const [first] = wrong;
  if (first !== undefined) {
    const examples = wrong.map(({ id, messages: kept, counted }) => `${id} has ${counted} and says ${kept}`);
    faults.push(`${first.total} deliveries count their messages wrong: ${examples.join('; ')}`);
  }
  return { figures: { deliveries, messages }, faults };
}
