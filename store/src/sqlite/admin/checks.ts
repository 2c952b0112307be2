/** The checks of `lyftr audit`. A check reads the database and returns its findings. It never writes. */
import type { Database } from 'better-sqlite3';
import { CONFLICTING_DUPLICATE, DEAD_LETTER_KINDS, FANOUT } from '@lyftr/shared/outcomes';
import type { AuditLine } from '../../store.js';
import { CARRIED, COUNTED_BUCKETS, REMOVED, WRITTEN_OFF } from '../format.js';

export type Finding = Pick<AuditLine, 'figures' | 'faults'>;

/** The number of differences of one kind that are listed. The others are only counted. */
const EXAMPLES_MAX = 3;
const INTEGRITY_LINES_MAX = 100;

/** Returns the only row of a query as an object. */
function get(database: Database, sql: string): unknown {
  return database.prepare(sql).get();
}

/** Faults in the structure of the file. Those of the text index are separate, because the index can be rebuilt. */
export interface Integrity {
  file: string[];
  textIndex: string[];
}

export function readIntegrity(database: Database): Integrity {
  const pragma = database.prepare<[], string>(`PRAGMA integrity_check(${INTEGRITY_LINES_MAX})`).pluck();
  let lines: string[];
  try {
    lines = pragma.all();
  } catch (error) {
    // the file is so damaged that the check itself fails
    return { file: [(error as Error).message], textIndex: [] };
  }
  const faults = lines.filter((line) => line !== 'ok');
  return {
    file: faults.filter((line) => !line.includes('message_text')),
    textIndex: faults.filter((line) => line.includes('message_text')),
  };
}

export function checkIds(database: Database): Finding {
  const { messages, distinct } = get(
    database,
    `SELECT coalesce(sum(n), 0) AS messages, count(*) AS "distinct"
     FROM (SELECT count(*) AS n FROM messages GROUP BY message_id)`,
  ) as { messages: number; distinct: number };
  const unique = (
    get(
      database,
      `SELECT count(*) AS n FROM pragma_index_list('messages') WHERE name = 'messages_by_id' AND "unique"`,
    ) as { n: number }
  ).n;
  const faults: string[] = [];
  if (messages !== distinct)
    faults.push(`${messages - distinct} messages have the same id as another message`);
  if (unique !== 1) faults.push('the unique index on message_id is missing');
  return { figures: { messages, ids: distinct }, faults };
}

/** Checks that every row was created once. Rows that retention removed are counted separately. */
export function checkCreated(database: Database): Finding {
  const { created, removed, messages } = get(
    database,
    `SELECT (SELECT value FROM counters WHERE name = 'created') AS created,
       (SELECT value FROM counters WHERE name = '${REMOVED}') AS removed,
       (SELECT count(*) FROM messages) AS messages`,
  ) as { created: number | null; removed: number | null; messages: number };
  const faults =
    created !== null && created - (removed ?? 0) === messages
      ? []
      : [
          `the counter created is ${created ?? 'missing'} and ${removed ?? 0} messages were removed, but the table has ${messages} messages`,
        ];
  return { figures: { created: created ?? 0, removed: removed ?? 0, messages }, faults };
}

interface Difference {
  key: string | number;
  counted: number | null;
  kept: number | null;
  total: number;
}

/** Compares a rollup with the messages. `key` is its column, and `of` is the matching column of `messages`. */
function checkRollup(database: Database, table: string, key: string, of: string): Finding {
  const differences = database
    .prepare<[number], Difference>(
      `SELECT ${key} AS key, counted.n AS counted, kept.messages AS kept, count(*) OVER () AS total
       FROM (SELECT ${of} AS ${key}, count(*) AS n FROM messages GROUP BY 1) AS counted
       FULL JOIN ${table} AS kept USING (${key})
       WHERE counted.n IS NOT kept.messages ORDER BY 1 LIMIT ?`,
    )
    .all(EXAMPLES_MAX);
  const { rows } = get(database, `SELECT count(*) AS rows FROM ${table}`) as { rows: number };
  const [first] = differences;
  if (first === undefined) return { figures: { rows }, faults: [] };
  const examples = differences.map(
    ({ key: whose, counted, kept }) =>
      `${JSON.stringify(whose)} has ${counted ?? 0} messages, but the rollup says ${kept ?? 'nothing'}`,
  );
  return { figures: { rows }, faults: [`${first.total} rows differ: ${examples.join('; ')}`] };
}

export function checkSenders(database: Database): Finding {
  return checkRollup(database, 'sender_rollup', 'sender', 'sender');
}

export function checkRecipients(database: Database): Finding {
  return checkRollup(database, 'recipient_rollup', 'recipient', 'recipient');
}

/** Missing series: of senders and recipients with many messages, and of pairs of these. */
const MISSING_SERIES = `
  WITH needed AS (
    SELECT sender, '' AS recipient FROM messages GROUP BY sender HAVING count(*) >= (SELECT series_messages_min FROM format)
    UNION ALL
    SELECT '', recipient FROM messages GROUP BY recipient HAVING count(*) >= (SELECT series_messages_min FROM format)
    UNION ALL
    SELECT DISTINCT m.sender, m.recipient FROM messages AS m
      JOIN series AS a ON a.sender = m.sender AND a.recipient = ''
      JOIN series AS b ON b.sender = '' AND b.recipient = m.recipient
    UNION ALL SELECT '', ''
  )
  SELECT count(*) AS n FROM needed LEFT JOIN series USING (sender, recipient) WHERE series.id IS NULL`;

const DIFFERENT_BUCKETS = `
  SELECT count(*) AS n FROM (${COUNTED_BUCKETS}) AS counted FULL JOIN buckets AS kept USING (series, seconds, start)
  WHERE counted.messages IS NOT kept.messages`;

export function checkBuckets(database: Database): Finding {
  const count = (sql: string): number => (get(database, sql) as { n: number }).n;
  const missing = count(MISSING_SERIES);
  const different = count(DIFFERENT_BUCKETS);
  const faults: string[] = [];
  if (missing > 0) faults.push(`${missing} series are missing`);
  if (different > 0) faults.push(`${different} buckets differ from the rows`);
  const figures = {
    series: count('SELECT count(*) AS n FROM series'),
    buckets: count('SELECT count(*) AS n FROM buckets'),
  };
  return { figures, faults };
}

function checkRanges(database: Database, table: string): string[] {
  const rows = database
    .prepare<[number], { producer: string; first: number; total: number }>(
      `SELECT producer, first, count(*) OVER () AS total FROM (
         SELECT producer, first, last,
           max(last) OVER (PARTITION BY producer ORDER BY first
             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
         FROM ${table}
       ) WHERE first < 1 OR last < first OR first <= before LIMIT ?`,
    )
    .all(EXAMPLES_MAX);
  const [example] = rows;
  if (example === undefined) return [];
  const examples = rows.map(({ producer, first }) => `${producer} from ${first}`);
  return [`${example.total} rows of ${table} overlap or end before they begin: ${examples.join('; ')}`];
}

/** Compares the counters with the numbers of the counted messages and with the dead letters. */
export function checkLedger(database: Database): Finding {
  const counters = new Map(
    database.prepare<[], [string, number]>('SELECT name, value FROM counters').raw().all(),
  );
  const letters = new Map(
    database
      .prepare<[], [string, number]>('SELECT kind, count(*) FROM dead_letters GROUP BY kind')
      .raw()
      .all(),
  );
  const { producers, settled, writtenOff, both } = get(
    database,
    `SELECT (SELECT count(DISTINCT producer) FROM ledger_ranges) AS producers,
       (SELECT coalesce(sum(last - first + 1), 0) FROM ledger_ranges) AS settled,
       (SELECT coalesce(sum(last - first + 1), 0) FROM written_off_ranges) AS writtenOff,
       (SELECT count(*) FROM written_off_ranges AS w JOIN ledger_ranges AS l USING (producer)
        WHERE w.first <= l.last AND l.first <= w.last) AS both`,
  ) as Record<'producers' | 'settled' | 'writtenOff' | 'both', number>;
  const counter = (name: string): number => counters.get(name) ?? 0;
  const [created, duplicate, dead] = [counter('created'), counter('duplicate'), counter('dead_letter')];
  const conflicting = counter(CONFLICTING_DUPLICATE);
  // a conflicting duplicate is a duplicate, and every other letter is the outcome of a message
  const kept = DEAD_LETTER_KINDS.filter((kind) => kind !== CONFLICTING_DUPLICATE).reduce(
    (sum, kind) => sum + (letters.get(kind) ?? 0),
    0,
  );
  const fanout = counter(FANOUT);
  const counted = created + duplicate + dead - counter(CARRIED);
  const conditions: [boolean, string][] = [
    [
      settled + fanout === counted,
      `the ranges have ${settled} settled messages with ${fanout} more outcomes, but the counters add up to ${counted}`,
    ],
    [
      writtenOff === counter(WRITTEN_OFF),
      `the ranges have ${writtenOff} written-off messages, but the counter says ${counter(WRITTEN_OFF)}`,
    ],
    [kept <= dead, `the table has ${kept} dead letters, but the counter says ${dead}`],
    [
      conflicting <= duplicate,
      `the counters have ${conflicting} conflicting duplicates, but only ${duplicate} duplicates`,
    ],
    [
      (letters.get(CONFLICTING_DUPLICATE) ?? 0) <= conflicting,
      `the table has ${letters.get(CONFLICTING_DUPLICATE)} conflicting duplicates, but the counter says ${conflicting}`,
    ],
    [both === 0, `${both} ranges are both settled and written off`],
  ];
  const faults = conditions.filter(([holds]) => !holds).map(([, fault]) => fault);
  const ranges = ['ledger_ranges', 'written_off_ranges'].flatMap((table) => checkRanges(database, table));
  return {
    figures: { producers, settled, fanout, created, duplicate, dead_letter: dead, written_off: writtenOff },
    faults: [...ranges, ...faults],
  };
}
