/** What a person does with a dead letter. An action is said when it begins, and so is how it ended, however late. */
import { ApiError, get, send } from './api.js';
import { byId, el, note, setText } from './dom.js';
import { counted } from './format.js';

const UNCONFIRMED = new Set([0, 504]);
const LOOK_MS = 1_000;
const LOOKS_MAX = 120;

/** What it is called while it lasts, and whether it may be repeated when nobody knows how it ended. */
const REPLAY = { doing: 'Replaying', repeat: 'Search for its message before you repeat it.' };
const DISCARD = { doing: 'Discarding', repeat: 'It may be repeated.' };

const pending = byId('letters-pending');
const done = byId('letters-done');
const problem = byId('letters-problem');

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Looks until the letter is gone; false when it is still there after two minutes. */
async function isGone(id) {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    try {
      await get(`/dead-letters/${id}`);
    } catch (error) {
      if (error.status === 404) return true;
      // query may be away too: that says nothing about the letter
      if (!(error instanceof ApiError)) throw error;
    }
    await delay(LOOK_MS);
  }
  return false;
}

/**
 * Runs `work`, which resolves with the words for its end. `place` is where the dialog speaks; the page says the same, because
 * the dialog may have been closed.
 */
async function act({ id, button, place, ended }, { doing, repeat }, work) {
  const say = (where, words) => {
    for (const each of [pending, done, problem]) note(each, each === where ? words : '');
    place.className = where.className;
    note(place, words);
  };
  button.disabled = true;
  say(pending, `${doing} #${id}: waiting until it is confirmed.`);
  try {
    say(done, await work());
    ended(id);
  } catch (error) {
    if (!UNCONFIRMED.has(error.status)) {
      say(problem, `#${id}: ${error.message}`);
      button.disabled = false;
      return;
    }
    const words = error.status === 0 ? 'Lyftr has not confirmed it: it may still happen.' : error.message;
    say(pending, `#${id}: ${words} The console goes on looking.`);
    if (await isGone(id)) {
      say(done, `#${id} is no longer there: what was not confirmed has happened.`);
      ended(id);
    } else {
      say(
        problem,
        `#${id} is still there after two minutes, and it is not known what has happened. ${repeat}`,
      );
      button.disabled = false;
    }
  }
}

function replayForm({ id, kind, message_id }, may, run) {
  const isConflict = kind === 'conflicting_duplicate';
  const newId = el('input', {
    id: 'new-id',
    maxlength: '255',
    required: isConflict,
    placeholder: isConflict ? 'another id' : (message_id ?? ''),
  });
  const replay = el('button', { class: 'primary' }, 'Replay');
  const submit = (event) => {
    event.preventDefault();
    void run(replay, REPLAY, async () => {
      const body = newId.value === '' ? {} : { as: newId.value };
      const answer = await send('POST', `/dead-letters/${id}/replay`, body);
      const sent = `#${id}: ${counted(answer.replayed, 'message')} acknowledged again`;
      return answer.discarded ? `${sent}, and the letter is discarded.` : `${sent}. ${answer.detail}`;
    });
  };
  const label = isConflict ? 'New id (its own is taken)' : 'Another id (optional)';
  return el(
    'form',
    { class: 'act', submit },
    // where several messages are, none can be given
    ...(kind === 'corrupt_envelope' ? [] : [el('label', { for: 'new-id' }, label), newId]),
    ...(may.replay ? [replay] : []),
  );
}

function discardButton({ id }, run) {
  const discard = el('button', { type: 'button', class: 'danger' }, 'Discard');
  let isSure = false;
  discard.addEventListener('click', () => {
    if (!isSure) {
      isSure = true;
      setText(discard, 'Discard for good?');
      return;
    }
    void run(discard, DISCARD, async () => {
      await send('DELETE', `/dead-letters/${id}`);
      return `#${id} is discarded.`;
    });
  });
  return discard;
}

/** Elements for the dialog of `letter`. `ended(id)` is told when an action has been confirmed. */
export function actionsOf(letter, { may, ended }) {
  const place = el('p', { role: 'status', hidden: true });
  const run = (button, action, work) => act({ id: letter.id, button, place, ended }, action, work);
  const form = replayForm(letter, may, run);
  form.append(discardButton(letter, run));
  return [form, place];
}
