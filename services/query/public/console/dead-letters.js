/** Lists dead letters, shows their content, and offers to replay or discard them. */
import { get, isAbort } from './api.js';
import { actionsOf } from './dead-letter-actions.js';
import { block, closeDialog, facts, openDialog } from './dialog.js';
import { byId, el, note, setText, walkWithArrows } from './dom.js';
import { count, pretty, time } from './format.js';
import { go, onRoute, pager, state } from './route.js';

const PAGE = 50;
const pages = pager(PAGE);
const KINDS = {
  corrupt_envelope: 'corrupt envelope',
  unstorable_message: 'unstorable message',
  conflicting_duplicate: 'conflicting duplicate',
};

const list = byId('letters');
const problem = byId('letters-problem');
let may = { discard: false, replay: false };
let asking = new AbortController();
let openId;
let shownPage;

const received = (letter) => time(Date.parse(letter.received_at) / 1_000);

function row(letter) {
  const { id, kind, message_id, reason } = letter;
  const button = el(
    'button',
    { type: 'button', class: 'row letter', click: () => go({ letter: String(id) }) },
    el('span', { class: 'id' }, `#${id}`),
    el('span', { class: 'kind', 'data-kind': kind }, KINDS[kind] ?? kind),
    el('span', { class: 'who' }, message_id === null ? el('em', {}, 'no id') : el('bdi', {}, message_id)),
    el('span', { class: 'text', dir: 'auto' }, reason),
    el('time', { datetime: letter.received_at }, received(letter)),
  );
  button.dataset.id = String(id);
  return el('li', {}, button);
}

async function refresh() {
  asking.abort();
  asking = new AbortController();
  const wanted = state();
  shownPage = pages.of(wanted);
  try {
    const answer = await get(`/dead-letters?limit=${PAGE}&offset=${pages.offset(wanted)}`, {
      signal: asking.signal,
      waiting: (words) => note(problem, words),
    });
    note(problem, '');
    if (pages.isBeyond(answer)) return;
    const { total, data, offset, has_more } = answer;
    const empty = el(
      'li',
      { class: 'empty' },
      'No dead letters. Every acknowledged message could be stored.',
    );
    list.replaceChildren(...(data.length === 0 ? [empty] : data.map(row)));
    byId('letters-pager').hidden = offset === 0 && !has_more;
    byId('letters-previous').disabled = offset === 0;
    byId('letters-next').disabled = !has_more;
    setText(
      byId('letters-range'),
      data.length === 0 ? '' : `${count(offset + 1)} to ${count(offset + data.length)} of ${count(total)}`,
    );
  } catch (error) {
    if (!isAbort(error)) note(problem, error.message);
  }
}

/** Removes a dead letter that no longer exists from the list, and closes its dialog if that is open. */
function settled(id) {
  if (openId === String(id)) closeDialog();
  if (state().tab === 'dead-letters') void refresh();
}

async function showDetail(id) {
  openId = id;
  const closed = () => {
    openId = undefined;
    if (state().letter === id) go({ letter: '' });
    [...list.querySelectorAll('.row')].find(({ dataset }) => dataset.id === id)?.focus();
  };
  try {
    const letter = await get(`/dead-letters/${encodeURIComponent(id)}`);
    if (openId !== id) return;
    const acts = may.discard
      ? actionsOf(letter, { may, ended: settled })
      : [
          el(
            'p',
            { class: 'note' },
            'On the command line: ',
            el('code', {}, `lyftr dead-letters replay ${letter.id}`),
          ),
        ];
    openDialog(
      `Dead letter #${letter.id}`,
      [
        facts([
          ['Kind', KINDS[letter.kind] ?? letter.kind],
          ['Why', letter.reason],
          ['Message id', letter.message_id === null ? '–' : el('code', {}, letter.message_id)],
          ['Received', received(letter)],
        ]),
        block('Raw text from the queue', pretty(letter.raw)),
        ...acts,
      ],
      closed,
    );
  } catch (error) {
    if (openId === id)
      openDialog(`Dead letter #${id}`, [el('p', { class: 'alert', role: 'alert' }, error.message)], closed);
  }
}

function show(wanted) {
  if (wanted.tab !== 'dead-letters') {
    shownPage = undefined;
    return;
  }
  if (pages.of(wanted) !== shownPage) void refresh();
  if (wanted.letter !== undefined && wanted.letter !== openId) void showDetail(wanted.letter);
  else if (wanted.letter === undefined && openId !== undefined) closeDialog();
}

export function startDeadLetters(config) {
  may = config;
  note(
    byId('letters-note'),
    may.replay
      ? ''
      : 'This service cannot replay messages. Set INGEST_URL and WEBHOOK_SECRET for query, or use `lyftr dead-letters` on the command line.',
  );
  byId('letters-previous').addEventListener('click', () => pages.turn(-1));
  byId('letters-next').addEventListener('click', () => pages.turn(1));
  walkWithArrows(list);
  onRoute(show);
  show(state());
  return refresh;
}
