/** What was acknowledged and could not be stored for its own sake: look at it, replay it, discard it. */
import { get, isAbort, send } from './api.js';
import { block, closeDialog, facts, openDialog } from './dialog.js';
import { byId, el, note, setText, walkWithArrows } from './dom.js';
import { count, counted, pretty, time } from './format.js';
import { go, onRoute, state } from './route.js';

const PAGE = 50;
const KINDS = {
  corrupt_envelope: 'corrupt envelope',
  unstorable_message: 'unstorable message',
  conflicting_duplicate: 'conflicting duplicate',
};

const list = byId('letters');
const problem = byId('letters-problem');
const done = byId('letters-done');
let may = { discard: false, replay: false };
let asking = new AbortController();
let openId;
let shownPage;

const pageOf = ({ page }) => (/^[1-9]\d{0,8}$/.test(page ?? '') ? Number(page) : 1);
const received = (letter) => time(Date.parse(letter.received_at) / 1_000);

function row(letter) {
  const { id, kind, message_id, reason } = letter;
  const button = el(
    'button',
    { type: 'button', class: 'row letter', click: () => go({ letter: String(id) }) },
    el('span', { class: 'id' }, `#${id}`),
    el('span', { class: 'kind', 'data-kind': kind }, KINDS[kind] ?? kind),
    el('span', { class: 'who' }, message_id === null ? el('em', {}, 'no id') : el('b', {}, message_id)),
    el('span', { class: 'text' }, reason),
    el('time', { datetime: letter.received_at }, received(letter)),
  );
  button.dataset.id = String(id);
  return el('li', {}, button);
}

async function refresh() {
  asking.abort();
  asking = new AbortController();
  const page = pageOf(state());
  shownPage = page;
  try {
    const { total, data, offset, has_more } = await get(
      `/dead-letters?limit=${PAGE}&offset=${(page - 1) * PAGE}`,
      { signal: asking.signal, waiting: (words) => note(problem, words) },
    );
    note(problem, '');
    const empty = el(
      'li',
      { class: 'empty' },
      'No dead letter. Everything that was acknowledged could be stored.',
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

/** Runs an action with its button disabled; what went wrong is said beside it. */
async function act(button, trouble, work) {
  button.disabled = true;
  note(trouble, '');
  try {
    note(done, await work());
    closeDialog();
    void refresh();
  } catch (error) {
    note(trouble, error.message);
    button.disabled = false;
  }
}

/** A conflicting duplicate goes under another id only; where several messages are, none can be given. */
function actionsOf({ id, kind, message_id }) {
  const trouble = el('p', { class: 'alert', role: 'alert', hidden: true });
  const isConflict = kind === 'conflicting_duplicate';
  const newId = el('input', {
    id: 'new-id',
    maxlength: '255',
    required: isConflict,
    placeholder: isConflict ? 'another id' : (message_id ?? ''),
  });
  const replay = el('button', { class: 'primary' }, 'Replay');
  const form = el(
    'form',
    {
      class: 'act',
      submit: (event) => {
        event.preventDefault();
        void act(replay, trouble, async () => {
          const answer = await send(
            'POST',
            `/dead-letters/${id}/replay`,
            newId.value === '' ? {} : { as: newId.value },
          );
          const sent = `#${id}: ${counted(answer.replayed, 'message')} acknowledged again`;
          return answer.discarded ? `${sent}, and the letter is discarded.` : `${sent}. ${answer.detail}`;
        });
      },
    },
    ...(kind === 'corrupt_envelope'
      ? []
      : [
          el('label', { for: 'new-id' }, isConflict ? 'New id (its own is taken)' : 'Another id (optional)'),
          newId,
        ]),
    ...(may.replay ? [replay] : []),
  );
  const discard = el('button', { type: 'button', class: 'danger' }, 'Discard');
  let isSure = false;
  discard.addEventListener('click', () => {
    if (!isSure) {
      isSure = true;
      setText(discard, 'Discard for good?');
      return;
    }
    void act(discard, trouble, async () => {
      await send('DELETE', `/dead-letters/${id}`);
      return `#${id} is discarded.`;
    });
  });
  form.append(discard);
  return [form, trouble];
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
      ? actionsOf(letter)
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
        block('As it came out of the queue', pretty(letter.raw)),
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
    note(done, '');
    return;
  }
  if (pageOf(wanted) !== shownPage) void refresh();
  if (wanted.letter !== undefined && wanted.letter !== openId) void showDetail(wanted.letter);
  else if (wanted.letter === undefined && openId !== undefined) closeDialog();
}

export function startDeadLetters(config) {
  may = config;
  note(
    byId('letters-note'),
    may.replay
      ? ''
      : 'This service may not replay: use `lyftr dead-letters` on the command line. INGEST_URL and WEBHOOK_SECRET would let it.',
  );
  byId('letters-previous').addEventListener('click', () => go({ page: String(pageOf(state()) - 1) }));
  byId('letters-next').addEventListener('click', () => go({ page: String(pageOf(state()) + 1) }));
  walkWithArrows(list);
  onRoute(show);
  show(state());
  return refresh;
}
