/** How the system is, in one place: the line in the header, and the sentence of the overview. */
import { count, counted, lettersTotal, lettersWords, seconds } from './format.js';

/** Why nothing is known, by `heard()` of live.js. */
const UNHEARD = {
  connecting: ['connecting…', 'Nothing has been heard yet.'],
  lost: ['connection lost', 'Lyftr cannot be reached: these are the last figures that arrived.'],
  silent: ['not known', 'Lyftr has stopped answering: these are the last figures that arrived.'],
};

const up = (sample, service) =>
  (sample.processes ?? []).some((p) => p.service === service && p.state === 'up');

function ofLedger({ missing, waiting, difference }, { queue }) {
  if (missing > 0)
    return [
      'bad',
      `${counted(missing, 'message')} missing`,
      'These messages were acknowledged and are gone, as after Redis or the database was restored from an old copy. GET /ledger names them.',
    ];
  if (difference !== null && difference !== 0)
    return [
      'bad',
      'ledger out of balance',
      'The two sides of the ledger differ, as after Redis or the database was restored from an old copy. See LedgerOutOfBalance in the runbook.',
    ];
  if (waiting > 0)
    return [
      'busy',
      `${count(waiting)} waiting`,
      `The oldest has waited ${seconds(queue.oldest_age_seconds)}. The writer is on it.`,
    ];
  return undefined;
}

function ofSample(sample) {
  const { ledger, dead_letters: letters } = sample;
  if (!sample.redis)
    return [
      'bad',
      'Redis away',
      'Redis is not responding: intake refuses, reads go on, nothing acknowledged is lost.',
    ];
  if (ledger === null) return ['bad', 'database away', sample.database];
  const found = ofLedger(ledger, sample);
  if (found?.[0] === 'bad') return found;
  if (!up(sample, 'writer'))
    return ['bad', 'no writer', 'No writer has been heard of: messages wait in Redis until there is one.'];
  if (!up(sample, 'ingest'))
    return ['bad', 'no intake', 'No ingest process has been heard of: senders may not be answered.'];
  if (found !== undefined) return found;
  if (lettersTotal(letters) > 0)
    return [
      'busy',
      counted(lettersTotal(letters), 'dead letter'),
      `Nothing waits in the queue. In the dead-letter table: ${lettersWords(letters)}.`,
    ];
  const lost = ledger.written_off;
  const but = lost > 0 ? `, but for what was written off: ${counted(lost, 'message')}` : '';
  return ['good', 'all stored', `Nothing waits: all that was acknowledged is in the database${but}.`];
}

/** `{level, words, sentence}`; level is `good`, `busy`, `bad` or `unknown`. The worst comes first. */
export function statusOf(sample, heard) {
  if (heard !== 'known') {
    const [words, sentence] = UNHEARD[heard];
    return { level: 'unknown', words, sentence };
  }
  const [level, words, sentence] = ofSample(sample);
  return { level, words, sentence };
}
