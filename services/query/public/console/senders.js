/**
 * The senders with the most messages, as bars. A click filters by that sender, and another click removes the filter.
 */
import { get } from './api.js';
import { byId, el } from './dom.js';
import { count } from './format.js';

const TOP = 8;
const list = byId('senders');

export async function refreshSenders(chosen, choose) {
  let stats;
  try {
    stats = await get(`/stats?top=${TOP}`);
  } catch {
    // the list of messages shows the error
    return;
  }
  const most = stats.messages_per_sender[0]?.count ?? 0;
  const items = stats.messages_per_sender.map(({ from, count: messages }) => {
    const isChosen = from === chosen;
    return el(
      'li',
      {},
      el(
        'button',
        { type: 'button', 'aria-pressed': String(isChosen), click: () => choose(isChosen ? '' : from) },
        el('span', { class: 'name', dir: 'auto' }, from),
        el('span', { class: 'number' }, count(messages)),
        el('meter', { min: '0', max: String(most), value: String(messages), 'aria-hidden': 'true' }),
      ),
    );
  });
  const rest = stats.senders_count - items.length;
  if (rest > 0) items.push(el('li', { class: 'more' }, `and ${count(rest)} more`));
  list.replaceChildren(...(items.length === 0 ? [el('li', { class: 'more' }, 'no senders yet')] : items));
}
