/** A conflicting duplicate beside the message that is stored under its id. */
import { get } from './api.js';
import { messageInRaw, split } from './compare.js';
import { section } from './dialog.js';
import { el } from './dom.js';
import { iso, pretty } from './format.js';

const SHOWN_CHARS = 20_000;

const timeWords = (ts) => (Number.isSafeInteger(ts) ? iso(ts) : String(ts));

const linesOf = ({ from, to, ts, text, extra }) => [
  ['From', from],
  ['To', to],
  ['Time', timeWords(ts)],
  ['Text', text],
  ['Other members', extra],
];

function cell(label, text, other) {
  const [before, different, after] = split(text, other);
  const parts = different === '' ? [text] : [before, el('mark', {}, different), after];
  const empty = text === '' ? [el('em', {}, 'empty')] : parts;
  return el('td', { 'data-label': label, dir: 'auto' }, ...empty);
}

function table(stored, came) {
  const cameLines = linesOf(came);
  const rows = linesOf(stored).flatMap(([name, storedText], index) => {
    const [left, right] = [storedText, cameLines[index][1]].map((text) => String(text).slice(0, SHOWN_CHARS));
    if (left === '' && right === '') return [];
    const differs = String(storedText) !== String(cameLines[index][1]);
    const verdict = differs
      ? el('b', { class: 'differs' }, '≠ differs')
      : el('span', { class: 'below' }, 'equal');
    return [
      el(
        'tr',
        { 'data-differs': differs },
        el('th', { scope: 'row' }, el('span', {}, name), verdict),
        cell('Stored', left, right),
        cell('Came', right, left),
      ),
    ];
  });
  return el(
    'table',
    { class: 'compare' },
    el(
      'thead',
      {},
      el('tr', {}, ...['Part', 'Stored', 'Came'].map((words) => el('th', { scope: 'col' }, words))),
    ),
    el('tbody', {}, ...rows),
  );
}

/** Resolves with the comparison. It is empty for every other kind of dead letter. */
export async function compareParts({ kind, message_id, raw }) {
  const came = messageInRaw(raw);
  if (kind !== 'conflicting_duplicate' || came === undefined) return [];
  try {
    const stored = await get(`/messages/${encodeURIComponent(message_id)}`);
    const extra = stored.extra === undefined ? '' : JSON.stringify(stored.extra, undefined, 2);
    return [
      section(
        'What is stored, and what came',
        [],
        table({ ...stored, extra }, { ...came, extra: pretty(came.extra) }),
      ),
    ];
  } catch (error) {
    const words =
      error.status === 404
        ? 'No message is stored under this id any more, so there is nothing to compare with.'
        : `The stored message could not be read. ${error.message}`;
    return [el('p', { class: 'note' }, words)];
  }
}
