/** The deliveries whose signature was not accepted, with what they came close to. */
import { get, isAbort } from './api.js';
import { byId, el, note, setText, timeAgo } from './dom.js';
import { count, counted } from './format.js';
import { rejectWords } from './reject-words.js';
import { address, go, onRoute, pager, state } from './route.js';
import { chooseSource } from './source-select.js';

const PAGE = 50;
const pages = pager(PAGE);

const list = byId('rejects');
const problem = byId('rejects-problem');
const select = byId('rejects-source');
let asking = new AbortController();
/** The address of the page that is shown. */
let shown;

function row(reject) {
  const { at, source, bytes, sha256, request_id: requestId } = reject;
  const { what, advice } = rejectWords(reject);
  return el(
    'li',
    { class: 'reject' },
    el('p', { class: 'when' }, timeAgo(at), ' · ', el('b', {}, source)),
    el('p', { class: 'what' }, what),
    el('p', { class: 'advice' }, advice),
    el(
      'p',
      { class: 'below' },
      `${counted(bytes, 'byte')} · SHA-256 `,
      el('code', {}, sha256),
      ' · request ',
      el('code', {}, requestId),
    ),
  );
}

function showPage({ total, offset, data, has_more }, isFiltered) {
  setText(byId('rejects-total'), counted(total, 'rejected delivery', 'rejected deliveries'));
  const words = isFiltered
    ? 'No rejected delivery of this source.'
    : 'No rejected deliveries. Every sender signs with a right key.';
  list.replaceChildren(...(data.length === 0 ? [el('li', { class: 'empty' }, words)] : data.map(row)));
  byId('rejects-pager').hidden = offset === 0 && !has_more;
  byId('rejects-previous').disabled = offset === 0;
  byId('rejects-next').disabled = !has_more;
  setText(
    byId('rejects-range'),
    data.length === 0 ? '' : `${count(offset + 1)} to ${count(offset + data.length)} of ${count(total)}`,
  );
}

async function refresh() {
  asking.abort();
  asking = new AbortController();
  const wanted = state();
  const parameters = new URLSearchParams({ limit: String(PAGE), offset: String(pages.offset(wanted)) });
  if (wanted.source) parameters.set('source', wanted.source);
  try {
    const page = await get(`/rejects?${parameters}`, {
      signal: asking.signal,
      waiting: (words) => note(problem, words),
    });
    note(problem, '');
    if (!pages.isBeyond(page)) showPage(page, Boolean(wanted.source));
  } catch (error) {
    if (!isAbort(error)) note(problem, error.message);
  }
}

export function startRejects() {
  const show = (wanted) => {
    if (wanted.tab !== 'rejects') {
      shown = undefined;
      return;
    }
    chooseSource(select, wanted.source ?? '');
    if (shown === address({}, wanted)) return;
    shown = address({}, wanted);
    void refresh();
  };
  select.addEventListener('change', () => go({ source: select.value, page: '' }));
  byId('rejects-refresh').addEventListener('click', () => void refresh());
  byId('rejects-previous').addEventListener('click', () => pages.turn(-1));
  byId('rejects-next').addEventListener('click', () => pages.turn(1));
  onRoute(show);
  show(state());
}
