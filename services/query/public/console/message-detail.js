/** The dialog with one message, and the delivery that it came by. */
import { get } from './api.js';
import { deliveryParts } from './delivery.js';
import { block, facts, openDialog } from './dialog.js';
import { el } from './dom.js';
import { iso, time } from './format.js';

function partsOf({ message_id, from, to, ts, text, extra, delivery }) {
  const parts = [
    facts([
      ['Id', el('code', {}, message_id)],
      ['From', el('bdi', {}, from)],
      ['To', el('bdi', {}, to)],
      ['Time', `${time(ts)} (${iso(ts)}, ${ts})`],
    ]),
    block('Text', text),
  ];
  if (extra !== undefined) parts.push(block('Other members', JSON.stringify(extra, undefined, 2)));
  if (delivery !== undefined) parts.push(...deliveryParts(delivery));
  return parts;
}

/** Opens the dialog, unless `isWanted` says no by the time that the answer is there. */
export async function openMessage(id, { isWanted, closed }) {
  try {
    const message = await get(`/messages/${encodeURIComponent(id)}`);
    if (isWanted()) openDialog('Message', partsOf(message), closed);
  } catch (error) {
    if (!isWanted()) return;
    const words = error.status === 404 ? `No message has the id “${id}”.` : error.message;
    openDialog('Message', [el('p', { class: 'alert', role: 'alert', dir: 'auto' }, words)], closed);
  }
}
