/** Replay and discard a dead letter. The page shows when an action starts and how it ends, however long that takes. */
import { ApiError, get, send } from './api.js';
import { byId, el, note, setText } from './dom.js';
import { counted } from './format.js';

const UNCONFIRMED = new Set([0, 504]);
const LOOK_MS = 1_000;
const LOOKS_MAX = 120;

/** The name of the action while it runs, and advice for the case that its result is unknown. */
const REPLAY = { doing: 'Replaying', repeat: 'Search for its message before you try again.' };
const DISCARD = { doing: 'Discarding', repeat: 'You can try again.' };

const pending = byId('letters-pending');
const done = byId('letters-done');
const problem = byId('letters-problem');

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Checks until the dead letter no longer exists. Resolves with false if it still exists after two minutes. */
async function isGone(id) {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    try {
      await get(`/dead-letters/${id}`);
    } catch (error) {
      if (error.status === 404) return true;
      // query may be unavailable too, which tells nothing about the dead letter
      if (!(error instanceof ApiError)) throw error;
    }
    await delay(LOOK_MS);
  }
  return false;
}

/**
 * Runs `work`, which resolves with the text for its result. `place` shows the text in the dialog. The page shows it
 * too, because the dialog may be closed.
 */
async function act({ id, button, place, ended }, { doing, repeat }, work) {
  const say = (where, words) => {
    for (const each of [pending, done, problem]) note(each, each === where ? words : '');
    place.className = where.className;
    note(place, words);
  };
  button.disabled = true;
  say(pending, `${doing} #${id}: waiting for confirmation.`);
  try {
    say(done, await work());
    ended(id);
  } catch (error) {
    if (!UNCONFIRMED.has(error.status)) {
      say(problem, `#${id}: ${error.message}`);
      button.disabled = false;
      return;
    }
    const words =
      error.status === 0 ? 'Lyftr did not confirm the change. The change may still be made.' : error.message;
    say(pending, `#${id}: ${words} The console keeps checking.`);
    if (await isGone(id)) {
      say(done, `#${id} no longer exists, so the change was made.`);
      ended(id);
    } else {
      say(
        problem,
        `#${id} still exists after two minutes. It is not known whether the change was made. ${repeat}`,
      );
      button.disabled = false;
    }
  }
}

/** The kinds that hold several messages, or none with an id of its own: a new id would not be for one of them. */
const WITHOUT_NEW_ID = new Set(['corrupt_envelope', 'unmapped_delivery']);

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
      const what = kind === 'unmapped_delivery' ? 'delivery' : 'message';
      const many = kind === 'unmapped_delivery' ? 'deliveries' : 'messages';
      const sent = `#${id}: ${counted(answer.replayed, what, many)} acknowledged again`;
      return answer.discarded ? `${sent}, and the dead letter was discarded.` : `${sent}. ${answer.detail}`;
    });
  };
  const label = isConflict ? 'New id (its own id is in use)' : 'Another id (optional)';
  return el(
    'form',
    { class: 'act', submit },
    ...(WITHOUT_NEW_ID.has(kind) ? [] : [el('label', { for: 'new-id' }, label), newId]),
    ...(may.replay ? [replay] : []),
  );
}

function discardButton({ id }, run) {
  const discard = el('button', { type: 'button', class: 'danger' }, 'Discard');
  let isSure = false;
  discard.addEventListener('click', () => {
    if (!isSure) {
      isSure = true;
      setText(discard, 'Discard permanently?');
      return;
    }
    void run(discard, DISCARD, async () => {
      await send('DELETE', `/dead-letters/${id}`);
      return `#${id} was discarded.`;
    });
  });
  return discard;
}

/** The elements of the dialog for `letter`. Calls `ended(id)` when an action is confirmed. */
export function actionsOf(letter, { may, ended }) {
  const place = el('p', { role: 'status', hidden: true });
  const run = (button, action, work) => act({ id: letter.id, button, place, ended }, action, work);
  const form = replayForm(letter, may, run);
  form.append(discardButton(letter, run));
  return [form, place];
}
