/** The sources: how much each sends, which keys it uses, and how to set it up. */
import { get, isAbort } from './api.js';
import { facts } from './dialog.js';
import { byId, copyButton, el, note, timeAgo } from './dom.js';
import { count } from './format.js';
import { address, go, onRoute, state } from './route.js';
import { idWords, keyWords, mappingWords, schemeWords } from './scheme-words.js';
import { setSourceNames } from './source-select.js';

const EVERY_MS = 5_000;

const list = byId('sources');
const problem = byId('sources-problem');
const faultList = byId('sources-faults');
let asking = new AbortController();
/** The parts of a card that change, by name of the source. */
let cards = new Map();
/** What the cards were made of. */
let shape = '';

/** A link to another tab, which is opened without a new page. */
function tabLink(changes, words) {
  const open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(changes, { from: {} });
  };
  return el('a', { href: address(changes, {}), click: open }, words);
}

function keyRow(key, keys) {
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, el('code', {}, key.id)),
    el('td', { class: 'number', 'data-label': 'used' }, count(key.used)),
    el('td', { class: 'number', 'data-label': 'last used' }, timeAgo(key.last_used_at)),
    el('td', { class: 'advice', 'data-safe': key.safe_to_retire && !key.retired }, keyWords(key, keys)),
  );
}

function setup({ name, scheme, mapping, id_signed }) {
  const { where, key, signed } = schemeWords(scheme);
  const expression = mapping?.jsonata;
  return el(
    'details',
    {},
    el('summary', {}, 'How to set it up'),
    facts([
      ['Where', where],
      ['Key', key],
      ['Signed', `${signed[0].toUpperCase()}${signed.slice(1)}. ${idWords(id_signed)}`],
      ...(expression === undefined ? [] : [['Mapping', el('pre', { tabindex: '0' }, expression)]]),
      [
        'Try it',
        el('span', {}, 'Send an example: ', el('code', {}, `lyftr trigger PROVIDER EVENT --source ${name}`)),
      ],
    ]),
  );
}

function figures({ name, mapping, accepted, rejected, last_accepted_at }) {
  return facts([
    ['Mapping', mappingWords(mapping)],
    [
      'Accepted',
      tabLink(
        { tab: 'messages', source: name },
        accepted === 1 ? '1 delivery' : `${count(accepted)} deliveries`,
      ),
    ],
    ['Rejected', tabLink({ tab: 'rejects', source: name }, count(rejected))],
    ['Last delivery', timeAgo(last_accepted_at)],
  ]);
}

function createCard(source) {
  const { name, scheme } = source;
  const url = `${location.origin}/webhook/${name}`;
  const numbers = el('div', { class: 'figures' });
  const body = el('tbody');
  const heads = [
    ['Key', ''],
    ['Used', 'number'],
    ['Last used', 'number'],
    ['What to do', ''],
  ].map(([words, kind]) => el('th', { scope: 'col', class: kind === '' ? undefined : kind }, words));
  const title = `source-${name}`;
  list.append(
    el(
      'li',
      { class: 'card source', 'aria-labelledby': title },
      el('header', {}, el('h2', { id: title }, name), el('span', { class: 'scheme' }, scheme)),
      el('p', { class: 'address' }, el('code', {}, url), copyButton(url, 'Copy the address')),
      numbers,
      el('table', { class: 'keys' }, el('thead', {}, el('tr', {}, ...heads)), body),
      setup(source),
    ),
  );
  return { numbers, body };
}

function showFaults({ faults, loaded_at: loadedAt }) {
  faultList.hidden = faults.length === 0;
  faultList.replaceChildren(
    el('p', {}, 'The sources file has faults, so the sources that were read ', timeAgo(loadedAt), ' go on:'),
    el('ul', {}, ...faults.map((fault) => el('li', {}, el('code', {}, fault)))),
  );
}

function showAnswer(answer) {
  const { data, loaded_at: loadedAt } = answer;
  note(problem, '');
  showFaults(answer);
  setSourceNames(data.map(({ name }) => name));
  byId('sources-empty').hidden = data.length > 0;
  byId('sources-read').replaceChildren(
    ...(data.length === 0 ? [] : ['The file was read ', timeAgo(loadedAt), '.']),
  );
  // the focus and an open "How to set it up" stay while only figures change
  const newShape = JSON.stringify(
    data.map(({ name, scheme, mapping, id_signed }) => [name, scheme, mapping, id_signed]),
  );
  if (newShape !== shape) {
    shape = newShape;
    list.replaceChildren();
    cards = new Map(data.map((source) => [source.name, createCard(source)]));
  }
  for (const source of data) {
    const { numbers, body } = cards.get(source.name);
    if (!numbers.contains(document.activeElement)) numbers.replaceChildren(figures(source));
    body.replaceChildren(...source.keys.map((key) => keyRow(key, source.keys)));
  }
}

async function refresh() {
  asking.abort();
  asking = new AbortController();
  try {
    showAnswer(await get('/sources', { signal: asking.signal, waiting: (words) => note(problem, words) }));
  } catch (error) {
    if (!isAbort(error)) note(problem, error.message);
  }
}

export function startSources() {
  const isShown = () => state().tab === 'sources' && !document.hidden;
  const show = () => {
    if (isShown()) void refresh();
    else asking.abort();
  };
  onRoute(show);
  document.addEventListener('visibilitychange', show);
  setInterval(() => {
    if (isShown()) void refresh();
  }, EVERY_MS);
  show();
}
