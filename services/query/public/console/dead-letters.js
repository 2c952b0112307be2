/** Lists dead letters, filtered by kind and source, and opens them. */
import { get, isAbort } from './api.js';
import { startBulk } from './bulk.js';
import { closeDialog } from './dialog.js';
import { byId, el, note, setText, walkWithArrows } from './dom.js';
import { count, time } from './format.js';
import { openLetter } from './letter-detail.js';
import { KIND_NAMES, kindWords } from './letter-words.js';
import { address, go, onRoute, pager, state } from './route.js';
import { chooseSource } from './source-select.js';

const PAGE = 50;
const pages = pager(PAGE);

const form = byId('letters-filter');
const list = byId('letters');
const problem = byId('letters-problem');
let may = { discard: false, replay: false };
let asking = new AbortController();
let openId;
/** The address of the page that is shown. */
let shown;

const received = (letter) => time(Date.parse(letter.received_at) / 1_000);

function row(letter) {
  const { id, kind, message_id, reason, source } = letter;
  const noId = kind === 'unmapped_delivery' ? 'a delivery' : 'no id';
  const via = source === null ? [] : [' via ', el('b', {}, source)];
  const button = el(
    'button',
    { type: 'button', class: 'row letter', click: () => go({ letter: String(id) }) },
    el('span', { class: 'id' }, `#${id}`),
    el('span', { class: 'kind', 'data-kind': kind }, kindWords(kind)),
    el(
      'span',
      { class: 'who' },
      message_id === null ? el('em', {}, noId) : el('bdi', {}, message_id),
      ...via,
    ),
    el('span', { class: 'text', dir: 'auto' }, reason),
    el('time', { datetime: letter.received_at }, received(letter)),
  );
  button.dataset.id = String(id);
  return el('li', {}, button);
}

function showPage({ total, data, offset, has_more }, isFiltered) {
  const words = isFiltered
    ? 'No dead letters of this kind and source.'
    : 'No dead letters. Every acknowledged message could be stored.';
  list.replaceChildren(...(data.length === 0 ? [el('li', { class: 'empty' }, words)] : data.map(row)));
  byId('letters-pager').hidden = offset === 0 && !has_more;
  byId('letters-previous').disabled = offset === 0;
  byId('letters-next').disabled = !has_more;
  setText(
    byId('letters-range'),
    data.length === 0 ? '' : `${count(offset + 1)} to ${count(offset + data.length)} of ${count(total)}`,
  );
}

async function refresh() {
  asking.abort();
  asking = new AbortController();
  const wanted = state();
  const { kind, source } = wanted;
  const parameters = new URLSearchParams({ limit: String(PAGE), offset: String(pages.offset(wanted)) });
  if (kind) parameters.set('kind', kind);
  if (source) parameters.set('source', source);
  try {
    const page = await get(`/dead-letters?${parameters}`, {
      signal: asking.signal,
      waiting: (words) => note(problem, words),
    });
    note(problem, '');
    if (!pages.isBeyond(page)) showPage(page, Boolean(kind || source));
  } catch (error) {
    if (!isAbort(error)) note(problem, error.message);
  }
}

/** Removes a dead letter that no longer exists from the list, and closes its dialog if that is open. */
function settled(id) {
  if (openId === String(id)) closeDialog();
  if (state().tab === 'dead-letters') void refresh();
}

function showDetail(id) {
  openId = id;
  const closed = () => {
    openId = undefined;
    if (state().letter === id) go({ letter: '' });
    [...list.querySelectorAll('.row')].find(({ dataset }) => dataset.id === id)?.focus();
  };
  void openLetter(id, { may, ended: settled, isWanted: () => openId === id, closed });
}

function show(wanted) {
  if (wanted.tab !== 'dead-letters') {
    shown = undefined;
    return;
  }
  const { letter, ...rest } = wanted;
  form.elements.kind.value = KIND_NAMES.includes(rest.kind) ? rest.kind : '';
  chooseSource(form.elements.source, rest.source ?? '');
  if (address({}, rest) !== shown) {
    shown = address({}, rest);
    void refresh();
  }
  if (letter !== undefined && letter !== openId) showDetail(letter);
  else if (letter === undefined && openId !== undefined) closeDialog();
}

export function startDeadLetters(config) {
  may = config;
  note(
    byId('letters-note'),
    may.replay
      ? ''
      : 'This service cannot replay messages. Set INGEST_URL and WEBHOOK_SECRET for query, or use `lyftr dead-letters` on the command line.',
  );
  const { kind, source } = form.elements;
  kind.append(...KIND_NAMES.map((name) => el('option', { value: name }, kindWords(name))));
  form.addEventListener('change', () => go({ kind: kind.value, source: source.value, page: '' }));
  form.addEventListener('submit', (event) => event.preventDefault());
  byId('letters-previous').addEventListener('click', () => pages.turn(-1));
  byId('letters-next').addEventListener('click', () => pages.turn(1));
  startBulk({
    may,
    wanted: state,
    ended: () => {
      if (state().tab === 'dead-letters') void refresh();
    },
  });
  walkWithArrows(list);
  onRoute(show);
  show(state());
}
