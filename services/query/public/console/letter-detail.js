/** The dialog with one dead letter. */
import { get } from './api.js';
import { partAt } from './body.js';
import { actionsOf } from './dead-letter-actions.js';
import { deliveryParts } from './delivery.js';
import { block, facts, openDialog, section } from './dialog.js';
import { el } from './dom.js';
import { pretty, time } from './format.js';
import { compareParts } from './letter-compare.js';
import { kindWords } from './letter-words.js';

/** More of them say no more. */
const POINTERS_SHOWN = 100;

function pointerItem(pointer, raw, isOpen) {
  const part = partAt(raw, pointer);
  const name = pointer === '' ? el('span', {}, 'the whole body') : el('code', {}, pointer);
  if (part === undefined) return el('li', {}, name);
  return el(
    'li',
    {},
    el('details', { open: isOpen }, el('summary', {}, name), el('pre', { tabindex: '0' }, part)),
  );
}

function deliveryOf({ delivery: { encoding, pointers, ...delivery }, raw }) {
  const body = encoding === 'base64' ? { body_base64: raw } : { body: raw };
  const shown = pointers
    .slice(0, POINTERS_SHOWN)
    .map((pointer) => pointerItem(pointer, raw, pointers.length === 1));
  const rest = pointers.length - shown.length;
  if (rest > 0) shown.push(el('li', { class: 'below' }, `and ${rest} more`));
  return [
    section('Parts without a rule', [], el('ul', { class: 'pointers' }, ...shown)),
    ...deliveryParts({ ...delivery, ...body }),
  ];
}

async function partsOf(letter, { may, ended }) {
  const { id, kind, reason, message_id, received_at, source, delivery, raw } = letter;
  const entries = [
    ['Kind', kindWords(kind)],
    ['Why', reason],
    ['Received', time(Date.parse(received_at) / 1_000)],
  ];
  if (message_id !== null) entries.push(['Message id', el('code', {}, message_id)]);
  if (source !== null && delivery === null) entries.push(['Source', source]);
  const acts = may.discard
    ? actionsOf(letter, { may, ended })
    : [
        el(
          'p',
          { class: 'note' },
          'On the command line: ',
          el('code', {}, `lyftr dead-letters replay ${id}`),
        ),
      ];
  return [
    facts(entries),
    ...(await compareParts(letter)),
    ...(delivery === null ? [block('Raw text from the queue', pretty(raw))] : deliveryOf(letter)),
    ...acts,
  ];
}

/** Opens the dialog, unless `isWanted` says no by the time that the answer is there. */
export async function openLetter(id, { may, ended, isWanted, closed }) {
  const title = `Dead letter #${id}`;
  try {
    const parts = await partsOf(await get(`/dead-letters/${encodeURIComponent(id)}`), { may, ended });
    if (isWanted()) openDialog(title, parts, closed);
  } catch (error) {
    if (isWanted()) openDialog(title, [el('p', { class: 'alert', role: 'alert' }, error.message)], closed);
  }
}
