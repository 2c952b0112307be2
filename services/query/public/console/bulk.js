/** Replays or discards all dead letters that the filter selects, one after the other over the API. */
import { get, send } from './api.js';
import { bulkWords, runBulk } from './bulk-run.js';
import { byId, el, note, setText } from './dom.js';
import { count, counted } from './format.js';
import { isReplayable, kindWords } from './letter-words.js';

const PAGE = 100;
const FAILURES_SHOWN = 50;

const box = byId('bulk');
const question = byId('bulk-question');
const buttons = byId('bulk-buttons');
const bar = byId('bulk-progress');
const result = byId('bulk-result');
const failureList = byId('bulk-failures');

const ACTIONS = {
  replay: {
    name: 'Replay',
    doing: 'Replaying',
    verb: 'replayed',
    async act(id) {
      const answer = await send('POST', `/dead-letters/${id}/replay`, {});
      return answer.discarded ? '' : answer.detail;
    },
  },
  discard: {
    name: 'Discard',
    doing: 'Discarding',
    verb: 'discarded',
    async act(id) {
      await send('DELETE', `/dead-letters/${id}`);
      return '';
    },
  },
};

let isRunning = false;

/** The kinds of all selected letters by id. A page may shift while it is read, and then the same letter comes twice. */
async function collect(parameters, waiting) {
  const kinds = new Map();
  for (let offset = 0; ; offset += PAGE) {
    const page = await get(`/dead-letters?${parameters}&limit=${PAGE}&offset=${offset}`, { waiting });
    for (const { id, kind } of page.data) kinds.set(id, kind);
    if (!page.has_more) return kinds;
  }
}

function selectionWords({ kind, source }) {
  const ofKind = kind ? ` of the kind “${kindWords(kind)}”` : '';
  return source ? `${ofKind} of the source “${source}”` : ofKind;
}

function show({ words = '', actions = [], progress = false, outcome = '', failures = [] }) {
  box.hidden = false;
  note(question, words);
  buttons.replaceChildren(...actions);
  bar.hidden = !progress;
  note(result, outcome);
  const shown = failures
    .slice(0, FAILURES_SHOWN)
    .map(([id, text]) => el('li', {}, el('b', {}, `#${id}`), ` ${text}`));
  const rest = failures.length - shown.length;
  if (rest > 0) shown.push(el('li', {}, `and ${count(rest)} more`));
  failureList.hidden = shown.length === 0;
  failureList.replaceChildren(...shown);
}

const button = (label, click, kind) => el('button', { type: 'button', class: kind, click }, label);

function hide() {
  box.hidden = true;
}

const warn = (event) => event.preventDefault();

async function run({ name, doing, verb, act }, ids, ended) {
  let isStopped = false;
  isRunning = true;
  const stop = button('Stop', () => {
    isStopped = true;
    stop.disabled = true;
    setText(stop, 'Stopping…');
  });
  const progress = (done) => {
    bar.value = done;
    setText(question, `${doing} ${count(done)} of ${count(ids.length)}…`);
  };
  show({ words: `${doing} 0 of ${count(ids.length)}…`, actions: [stop], progress: true });
  bar.max = ids.length;
  bar.value = 0;
  stop.focus();
  addEventListener('beforeunload', warn);
  const close = button('Close', hide);
  try {
    const summary = await runBulk(ids, { act, progress, isStopped: () => isStopped });
    show({ outcome: bulkWords(summary, ids.length, verb), failures: summary.failures, actions: [close] });
  } catch (error) {
    show({ outcome: `${name} ended: ${error.message}`, actions: [close] });
  } finally {
    isRunning = false;
    removeEventListener('beforeunload', warn);
    close.focus();
    ended();
  }
}

/** Counts what `wanted` selects, and asks before it begins. Calls `ended` when it is done. */
async function ask(action, wanted, ended) {
  if (isRunning) return;
  const parameters = new URLSearchParams();
  for (const member of ['kind', 'source']) if (wanted[member]) parameters.set(member, wanted[member]);
  show({ words: 'Counting…' });
  let kinds;
  try {
    kinds = await collect(parameters, (words) => show({ words }));
  } catch (error) {
    show({ words: error.message, actions: [button('Close', hide)] });
    return;
  }
  const ids = Array.from(kinds.keys()).filter(
    (id) => action === ACTIONS.discard || isReplayable(kinds.get(id)),
  );
  const left = kinds.size - ids.length;
  const leftWords =
    left === 0
      ? ''
      : ` ${counted(left, 'conflicting duplicate needs', 'conflicting duplicates need')} a new id each, and are left out.`;
  const what = `${counted(ids.length, 'dead letter')}${selectionWords(wanted)}`;
  const cancel = button('Cancel', hide);
  if (ids.length === 0) {
    show({
      words: `There is nothing to ${action.name.toLowerCase()}.${leftWords}`,
      actions: [button('Close', hide)],
    });
    return;
  }
  const consequence = action === ACTIONS.discard ? ' They cannot be brought back.' : '';
  show({
    words: `${action.name} ${what}?${consequence}${leftWords}`,
    actions: [
      button(
        `${action.name} ${count(ids.length)}`,
        () => void run(action, ids, ended),
        action === ACTIONS.discard ? 'danger' : 'primary',
      ),
      cancel,
    ],
  });
  cancel.focus();
}

/** `wanted()` is the filter of the page, `{ kind, source }`. */
export function startBulk({ may, wanted, ended }) {
  for (const [name, action] of Object.entries(ACTIONS)) {
    const opener = byId(`letters-${name}-all`);
    opener.hidden = !may[name];
    opener.addEventListener('click', () => void ask(action, wanted(), ended));
  }
}
