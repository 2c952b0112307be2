/** Runs every check in the transaction of the caller, and repairs derived data. */
import type { Database } from 'better-sqlite3';
import { ALL_SERIES, COUNTED_BUCKETS, REMOVED, SCHEMA_VERSION } from '../format.js';
import type { AuditLine } from '../../store.js';
import {
  checkBuckets,
  checkCreated,
  checkIds,
  checkLedger,
  checkRecipients,
  checkSenders,
  readIntegrity,
  type Finding,
  type Integrity,
} from './checks.js';
import { checkDeliveries, REPAIR_DELIVERIES } from './deliveries.js';
import { checkTextIndex } from './text-index.js';

interface Check {
  name: string;
  run: (database: Database, integrity: Integrity) => Finding;
  /** SQL that rebuilds the data from `messages`. Undefined when the data is not derived. */
  repair?: string;
}

function checks(full: boolean): Check[] {
  return [
    { name: 'file', run: (_database, { file }) => ({ figures: {}, faults: file }) },
    { name: 'ids', run: checkIds },
    {
      name: 'created',
      run: checkCreated,
      repair: `INSERT INTO counters (name, value) SELECT 'created',
          (SELECT count(*) FROM messages) + coalesce((SELECT value FROM counters WHERE name = '${REMOVED}'), 0) WHERE true
        ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    },
    {
      name: 'sender rollup',
      run: checkSenders,
      repair: `DELETE FROM sender_rollup;
        INSERT INTO sender_rollup (sender, messages) SELECT sender, count(*) FROM messages GROUP BY sender`,
    },
    {
      name: 'recipient rollup',
      run: checkRecipients,
      repair: `DELETE FROM recipient_rollup;
        INSERT INTO recipient_rollup (recipient, messages) SELECT recipient, count(*) FROM messages GROUP BY recipient`,
    },
    {
      name: 'buckets',
      run: checkBuckets,
      repair: `DELETE FROM buckets;
        DELETE FROM series;
        INSERT INTO series (id, sender, recipient) VALUES (${ALL_SERIES}, '', '');
        INSERT INTO series (sender, recipient)
          SELECT sender, '' FROM messages GROUP BY sender HAVING count(*) >= (SELECT series_messages_min FROM format);
        INSERT INTO series (sender, recipient)
          SELECT '', recipient FROM messages GROUP BY recipient HAVING count(*) >= (SELECT series_messages_min FROM format);
        INSERT INTO series (sender, recipient)
          SELECT DISTINCT m.sender, m.recipient FROM messages AS m
            JOIN series AS a ON a.sender = m.sender AND a.recipient = ''
            JOIN series AS b ON b.sender = '' AND b.recipient = m.recipient;
        INSERT INTO buckets (series, seconds, start, messages) ${COUNTED_BUCKETS}`,
    },
    {
      name: 'text index',
      run: (database, { textIndex }) => checkTextIndex(database, full, textIndex),
      // clears the index; the writer fills it again, and searches scan until then
      repair: `INSERT INTO message_text (message_text) VALUES ('delete-all');
        DELETE FROM text_marks;
        INSERT INTO text_index (id, watermark) VALUES (1, 0)
          ON CONFLICT (id) DO UPDATE SET watermark = 0, characters = 0`,
    },
    { name: 'deliveries', run: checkDeliveries, repair: REPAIR_DELIVERIES },
    { name: 'ledger', run: checkLedger },
  ];
}

/** Runs a check. An error while reading is a fault. */
function attempt(run: () => Finding): Finding {
  try {
    return run();
  } catch (error) {
    return { figures: {}, faults: [`cannot be read: ${(error as Error).message}`] };
  }
}

function requireSchema(database: Database): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version !== SCHEMA_VERSION)
    throw new Error(
      `the database has schema version ${version}, but this command needs ${SCHEMA_VERSION}: start the writer of the same Lyftr version first`,
    );
}

/** Returns one line per check. Call it inside a transaction, so that all checks see one state. */
export function inspect(database: Database, full: boolean): AuditLine[] {
  requireSchema(database);
  const integrity = readIntegrity(database);
  return checks(full).map(({ name, run }) => {
    const finding = attempt(() => run(database, integrity));
    return { name, ...finding, state: finding.faults.length === 0 ? 'ok' : 'fault' };
  });
}

/**
 * Repairs the derived data with faults in `lines` and checks it again. Does nothing when the file itself is damaged,
 * because data derived from it would not be reliable. Call it inside the write transaction that produced `lines`.
 */
export function repair(database: Database, full: boolean, lines: readonly AuditLine[]): AuditLine[] {
  if (lines.some(({ name, state }) => name === 'file' && state === 'fault')) return [...lines];
  const repairs = new Map(checks(full).map((check) => [check.name, check.repair]));
  const broken = lines.filter(({ name, state }) => state === 'fault' && repairs.get(name) !== undefined);
  if (broken.length === 0) return [...lines];
  for (const { name } of broken) database.exec(repairs.get(name) as string);
  // fences off a writer that runs nevertheless: it cannot commit what it has in memory
  database.exec("UPDATE writer_epoch SET epoch = epoch + 1, instance = 'lyftr audit --repair'");
  return inspect(database, full).map((line) => {
    const before = broken.find(({ name }) => name === line.name);
    if (before === undefined || line.state === 'fault') return line;
    return { ...line, state: 'repaired', faults: before.faults };
  });
}
