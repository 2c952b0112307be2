/** Search as you type. The address contains the search, and only the response to the newest request is shown. */
import { get, isAbort } from './api.js';
import { closeDialog } from './dialog.js';
import { byId, el, marked, note, setText, walkWithArrows } from './dom.js';
import { count, counted, fromLocalInput, iso, time, toLocalInput } from './format.js';
import { openMessage } from './message-detail.js';
import { periodOf, sinceOf } from './period.js';
import { address, go, onRoute, pager, state } from './route.js';
import { refreshSenders } from './senders.js';
import { chooseSource } from './source-select.js';
import { refreshTimeline } from './timeline.js';

const PAGE = 50;
const pages = pager(PAGE);
const DEBOUNCE_MS = 180;
const TEXT_SHOWN = 400;
const FILTERS = ['q', 'from', 'to', 'source', 'last', 'since', 'until'];

const form = byId('search');
const lookup = byId('lookup');
const periods = [...document.querySelectorAll('[data-last]')];
const list = byId('messages');
const problem = byId('messages-problem');
let asking = new AbortController();
let timer;
/** Address and parameters of the shown page. Undefined when everything must be requested again. */
let shown;
let openId;

/** The filters of the address, under their names in the API. */
function filtersOf(wanted) {
  const parameters = new URLSearchParams();
  const { q, from, to, source, until } = wanted;
  for (const [name, value] of Object.entries({ q, from_: from, to, source, since: sinceOf(wanted), until })) {
    if (value) parameters.set(name, value);
  }
  parameters.set('order', wanted.order === 'asc' ? 'asc' : 'desc');
  return parameters;
}

/** The values of the form as parameters of the address. */
function formState() {
  const { q, from, to, source, since, until, order } = form.elements;
  return {
    q: q.value,
    from: from.value.trim(),
    to: to.value.trim(),
    source: source.value,
    last: since.value === '' && until.value === '' ? periodOf(state()) : '',
    since: fromLocalInput(since.value),
    until: fromLocalInput(until.value),
    order: order.value === 'asc' ? 'asc' : '',
    page: '',
  };
}

function fillForm(wanted) {
  const period = periodOf(wanted);
  for (const button of periods) button.setAttribute('aria-pressed', String(button.dataset.last === period));
  chooseSource(form.elements.source, wanted.source ?? '');
  const values = {
    q: wanted.q ?? '',
    from: wanted.from ?? '',
    to: wanted.to ?? '',
    since: toLocalInput(wanted.since ?? ''),
    until: toLocalInput(wanted.until ?? ''),
    order: wanted.order === 'asc' ? 'asc' : 'desc',
  };
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements[name];
    // the text that the user is typing is newer than the address
    if (field.value !== value && (field !== document.activeElement || timer === undefined))
      field.value = value;
  }
}

function row(message, needle) {
  const { message_id, from, to, ts, text, source } = message;
  const beginning = text.length > TEXT_SHOWN ? `${text.slice(0, TEXT_SHOWN)}…` : text;
  const button = el(
    'button',
    { type: 'button', class: 'row', click: () => go({ id: message_id }) },
    el('time', { datetime: iso(ts) }, time(ts)),
    el('span', { class: 'who' }, el('bdi', {}, from), ' → ', el('bdi', {}, to)),
    el(
      'span',
      { class: 'text', dir: 'auto' },
      ...(beginning === '' ? [el('em', {}, 'no text')] : marked(beginning, needle)),
    ),
    ...(source === undefined ? [] : [el('span', { class: 'via' }, 'via ', el('b', {}, source))]),
  );
  button.dataset.id = message_id;
  return el('li', {}, button);
}

function showPage(page, wanted) {
  const { total, offset, data, has_more } = page;
  const isFiltered = FILTERS.some((name) => wanted[name]);
  setText(byId('total'), isFiltered ? counted(total, 'match', 'matches') : counted(total, 'message'));
  const empty = el(
    'li',
    { class: 'empty' },
    isFiltered
      ? 'No matches. Remove a filter to find more.'
      : 'No messages yet. Send the first one to POST /webhook.',
  );
  list.replaceChildren(
    ...(data.length === 0 ? [empty] : data.map((message) => row(message, wanted.q ?? ''))),
  );
  byId('pager').hidden = offset === 0 && !has_more;
  byId('previous').disabled = offset === 0;
  byId('next').disabled = !has_more;
  setText(
    byId('range'),
    data.length === 0 ? '' : `${count(offset + 1)} to ${count(offset + data.length)} of ${count(total)}`,
  );
}

async function ask(wanted) {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  list.setAttribute('aria-busy', 'true');
  const parameters = filtersOf(wanted);
  for (const format of ['csv', 'ndjson'])
    byId(`export-${format}`).href = `/export?${new URLSearchParams([['format', format], ...parameters])}`;
  parameters.set('limit', String(PAGE));
  parameters.set('offset', String(pages.offset(wanted)));
  try {
    const page = await get(`/messages?${parameters}`, { signal, waiting: (words) => note(problem, words) });
    note(problem, '');
    if (pages.isBeyond(page)) return;
    showPage(page, wanted);
  } catch (error) {
    if (isAbort(error)) return;
    note(problem, error.message);
    list.replaceChildren();
    setText(byId('total'), '');
    byId('pager').hidden = true;
  }
  list.removeAttribute('aria-busy');
}

function showDetail(id) {
  openId = id;
  const closed = () => {
    openId = undefined;
    if (state().id === id) go({ id: '' });
    [...list.querySelectorAll('.row')].find(({ dataset }) => dataset.id === id)?.focus();
  };
  void openMessage(id, { isWanted: () => openId === id, closed });
}

function show(wanted) {
  if (wanted.tab !== 'messages') {
    shown = undefined;
    return;
  }
  fillForm(wanted);
  const { id, ...rest } = wanted;
  const before = shown;
  shown = { ...rest, address: address({}, rest) };
  const differs = (...names) => before === undefined || names.some((name) => before[name] !== shown[name]);
  if (differs('address')) void ask(wanted);
  if (differs('last', 'since', 'until')) {
    const range = { since: sinceOf(wanted), until: wanted.until };
    void refreshTimeline(range, (since, until) => go({ last: '', since, until, page: '' }));
  }
  if (differs('from')) void refreshSenders(wanted.from ?? '', (from) => go({ from, page: '' }));
  if (id !== undefined && id !== openId) showDetail(id);
  else if (id === undefined && openId !== undefined) closeDialog();
}

/** Opens what the form says, with `changes` to it. */
function commit(typing, changes = {}) {
  clearTimeout(timer);
  timer = undefined;
  go({ ...formState(), ...changes }, { typing });
}

export function startMessages() {
  form.addEventListener('input', ({ target }) => {
    clearTimeout(timer);
    timer = setTimeout(() => commit(target.name), DEBOUNCE_MS);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    commit('');
    list.querySelector('.row')?.focus();
  });
  byId('clear').addEventListener('click', () => {
    form.reset();
    commit('', { last: '' });
    form.elements.q.focus();
  });
  byId('refresh').addEventListener('click', () => {
    shown = undefined;
    show(state());
  });
  byId('previous').addEventListener('click', () => pages.turn(-1));
  byId('next').addEventListener('click', () => pages.turn(1));
  form.elements.q.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown') return;
    event.preventDefault();
    list.querySelector('.row')?.focus();
  });
  for (const button of periods)
    button.addEventListener('click', () => {
      const { last } = button.dataset;
      commit('', { last: periodOf(state()) === last ? '' : last, since: '', until: '' });
    });
  lookup.addEventListener('submit', (event) => {
    event.preventDefault();
    const id = lookup.elements['message-id'].value;
    if (id !== '') go({ id });
  });
  walkWithArrows(list);
  onRoute(show);
  show(state());
}
