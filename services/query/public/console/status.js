/** One line that says how it is: green, amber or red, and always in words. */
import { count, counted, seconds } from './format.js';

const up = (sample, service) =>
  (sample.processes ?? []).some((p) => p.service === service && p.state === 'up');

/** `{level, words}`; level is `good`, `busy`, `bad` or `unknown`. The worst comes first. */
export function statusOf(sample, connected) {
  if (!connected)
    return { level: 'unknown', words: sample === undefined ? 'connecting…' : 'connection lost' };
  if (sample === undefined) return { level: 'unknown', words: 'connecting…' };
  if (!sample.redis) return { level: 'bad', words: 'Redis away' };
  if (sample.ledger === null) return { level: 'bad', words: 'database away' };
  const { missing, waiting, difference } = sample.ledger;
  if (missing > 0) return { level: 'bad', words: `${counted(missing, 'message', 'messages')} missing` };
  if (difference !== null && difference !== 0) return { level: 'bad', words: 'ledger out of balance' };
  if (!up(sample, 'writer')) return { level: 'bad', words: 'no writer' };
  if (!up(sample, 'ingest')) return { level: 'bad', words: 'no intake' };
  if (waiting > 0) return { level: 'busy', words: `${count(waiting)} waiting` };
  return { level: 'good', words: 'all stored' };
}

/** The same as a sentence, for the overview. */
export function verdictOf(sample, connected) {
  const { level, words } = statusOf(sample, connected);
  if (level === 'unknown') return 'The figures are the last that arrived.';
  if (!sample.redis)
    return 'Redis does not answer: intake refuses, reads go on, nothing acknowledged is lost.';
  if (sample.ledger === null) return sample.database;
  if (words.endsWith('missing'))
    return 'These messages were acknowledged and are gone, as after Redis or the database was restored from an old copy. GET /ledger names them.';
  if (words === 'ledger out of balance')
    return 'The two sides of the ledger differ, as after Redis or the database was restored from an old copy. See LedgerOutOfBalance in the runbook.';
  if (words === 'no writer') return 'No writer publishes: messages wait in Redis until one does.';
  if (words === 'no intake') return 'No ingest process publishes: senders are not answered.';
  if (level === 'busy')
    return `The oldest has waited ${seconds(sample.queue.oldest_age_seconds)}. The writer is on it.`;
  const { written_off: lost } = sample.ledger;
  if (lost > 0)
    return `Nothing waits: all that was acknowledged is in the database, but for what was written off: ${counted(lost, 'message', 'messages')}.`;
  return 'Nothing waits: all that was acknowledged is in the database.';
}
