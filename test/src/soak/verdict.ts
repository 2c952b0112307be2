/** What was promised, against what is there: the journal, the table, the ledger and the metrics page. */
import { setTimeout as delay } from 'node:timers/promises';
import { COUNTED_BUCKETS } from '@lyftr/store/sqlite/format';
import { PUBLISH_INTERVAL_MS } from '@lyftr/shared/limits';
import type { System } from '../system.js';
import { WAYS } from './gateway.js';
import { idOf } from './sources.js';
import type { Account } from './journal.js';

export interface Check {
  what: string;
  ok: boolean;
  /** Figures, or the first few of what is wrong. */
  detail: string;
}

const SHOWN_MAX = 5;

const none = (what: string, wrong: readonly unknown[]): Check => ({
  what,
  ok: wrong.length === 0,
  detail: wrong.length === 0 ? '' : `${wrong.length}: ${wrong.slice(0, SHOWN_MAX).join(', ')}`,
});

const equal = (what: string, actual: unknown, expected: unknown): Check => ({
  what,
  ok: actual === expected,
  detail: `${String(actual)} and ${String(expected)}`,
});

const sum = (counts: number[]): number => counts.reduce((total, count) => total + (count ?? 0), 0);

/** The rows, one by one, against the journal. */
function compareRows(system: System, { sent, acknowledged }: Account): Check[] {
  const copies: number[] = [];
  const neverSent: string[] = [];
  const altered: string[] = [];
  const rows = system.rows('SELECT message_id, sender, recipient, ts, text, source FROM messages');
  for (const [id, sender, recipient, ts, text, source] of rows as [
    string,
    string,
    string,
    number,
    string,
    string | null,
  ][]) {
    const message = Number(id.slice(id.indexOf(idOf(0).slice(0, -1)) + idOf(0).length - 1));
    const way = WAYS.get(source ?? '');
    if (sent[message] === undefined || way === undefined) {
      neverSent.push(id);
      continue;
    }
    copies[message] = (copies[message] ?? 0) + 1;
    const expected = way.messageOf(message);
    const isSame =
      id === expected.message_id &&
      sender === expected.from &&
      recipient === expected.to &&
      (expected.ts === undefined || ts === expected.ts) &&
      text === expected.text;
    if (!isSame) altered.push(id);
  }
  const lost = acknowledged.flatMap((count, message) =>
    count > 0 && copies[message] === undefined ? [idOf(message)] : [],
  );
  const twice = copies.flatMap((count, message) => (count > 1 ? [idOf(message)] : []));
  const refused = sent.flatMap((_, message) => (acknowledged[message] === undefined ? [idOf(message)] : []));
  return [
    none('every message was acknowledged in the end', refused),
    none('no acknowledged message is lost', lost),
    none('no message is stored twice', twice),
    none('no row was never sent', neverSent),
    none('every row holds what was sent', altered),
  ];
}

/** Counters and rollups against the table that they sum up. */
function compareSums(system: System): Check[] {
  const one = (sql: string): unknown => system.rows(sql)[0]?.[0];
  const count = one('SELECT count(*) FROM messages');
  const differing = (table: string, sums: string): unknown[][] =>
    system.rows(`SELECT * FROM (${table} EXCEPT ${sums}) UNION ALL SELECT * FROM (${sums} EXCEPT ${table})`);
  const party = (name: string): unknown[][] =>
    differing(
      `SELECT ${name}, count(*) FROM messages GROUP BY 1`,
      `SELECT ${name}, messages FROM ${name}_rollup`,
    );
  return [
    equal('created is the number of rows', one("SELECT value FROM counters WHERE name = 'created'"), count),
    none('the senders add up', party('sender')),
    none('the recipients add up', party('recipient')),
    none(
      'the buckets add up',
      differing(`SELECT * FROM (${COUNTED_BUCKETS})`, 'SELECT series, seconds, start, messages FROM buckets'),
    ),
    equal('integrity_check', one('PRAGMA integrity_check'), 'ok'),
  ];
}

/** Without a source, and of each. */
async function acceptedOf(system: System): Promise<number> {
  const names = [...WAYS.keys()];
  const samples = names.map((name) =>
    system.metric(name === '' ? 'webhook_accepted_total' : `webhook_accepted_total{source="${name}"}`),
  );
  return sum(await Promise.all(samples));
}

/** The ledger against itself, the journal and the metrics page. */
async function compareLedger(system: System, { sent, acknowledged }: Account): Promise<Check[]> {
  const { json } = await system.get('/ledger');
  const { accepted, unconfirmed, fanout, created, duplicate, dead_letter, waiting } = json;
  const settled = created + duplicate + dead_letter;
  const metrics: [string, number][] = [
    ['webhook_fanout_total', fanout],
    ['ledger_unconfirmed_messages', unconfirmed],
    ['webhook_total{status="created"}', created],
    ['webhook_total{status="duplicate"}', duplicate],
    ['webhook_total{status="dead_letter"}', dead_letter],
    ['ledger_written_off_messages', 0],
    ['queue_depth_messages', waiting],
    ['ledger_missing_messages', 0],
  ];
  const pages: Check[] = [];
  for (const [sample, value] of metrics) pages.push(equal(sample, await system.metric(sample), value));
  pages.push(equal('webhook_accepted_total of all sources', await acceptedOf(system), accepted));
  const answers = sum(acknowledged);
  const sendings = sum(sent);
  return [
    equal(
      'accepted + unconfirmed + fanout = created + duplicate + dead_letter + waiting',
      accepted + unconfirmed + fanout,
      settled + waiting,
    ),
    equal('nothing waits', waiting, 0),
    equal('no message is missing', json.missing?.messages, 0),
    equal('nothing is a dead letter', dead_letter, 0),
    equal('no duplicate differs from its first delivery', json.conflicting_duplicate, 0),
    equal('no job failed', await system.redis.zcard('lyftr:deliveries:failed'), 0),
    {
      what: 'what was settled lies between what was acknowledged and what was sent',
      ok: answers <= settled && settled <= sendings,
      detail: `${answers} ≤ ${settled} ≤ ${sendings}`,
    },
    ...pages,
  ];
}

/** Every check, in order. Call when the queue is drained. Throws when the system does not answer. */
export async function judge(system: System, account: Account): Promise<Check[]> {
  // figures that processes publish are as old as this
  await delay(2 * PUBLISH_INTERVAL_MS);
  const ledger = await compareLedger(system, account);
  return [...compareRows(system, account), ...compareSums(system), ...ledger];
}
