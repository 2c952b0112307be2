/**
 * The dialog with the details of a message or a dead letter. Esc closes it, and the focus returns to the element that
 * opened it.
 */
import { byId, copyButton, el, setText } from './dom.js';
import { count } from './format.js';

const dialog = byId('dialog');
const body = byId('dialog-body');
let whenClosed = () => {};

dialog.addEventListener('close', () => {
  body.replaceChildren();
  whenClosed();
});
byId('dialog-close').addEventListener('click', () => dialog.close());
dialog.addEventListener('click', (event) => {
  // a click on the backdrop has the dialog itself as its target
  if (event.target === dialog) dialog.close();
});

/** Calls `onClose` when the dialog closes, for any reason. */
export function openDialog(title, children, onClose = () => {}) {
  whenClosed = () => {};
  if (dialog.open) dialog.close();
  whenClosed = onClose;
  setText(byId('dialog-title'), title);
  body.replaceChildren(...children);
  dialog.showModal();
}

export function closeDialog() {
  dialog.close();
}

/** A list of names and values. A value is a text or an element. */
export function facts(entries) {
  return el(
    'dl',
    { class: 'facts' },
    ...entries.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]),
  );
}

/** A heading with buttons beside it, and what is below. */
export function section(label, buttons, ...children) {
  return el('section', { class: 'block' }, el('header', {}, el('h3', {}, label), ...buttons), ...children);
}

/** Beyond this, a browser takes seconds to lay out a text. */
const SHOWN_CHARS = 200_000;

/** A text, unchanged. Only its beginning is shown when it is very long. */
export function preformatted(text) {
  const isLong = text.length > SHOWN_CHARS;
  const pre = el(
    'pre',
    { tabindex: '0', dir: 'auto' },
    text === '' ? el('em', {}, 'empty') : text.slice(0, SHOWN_CHARS),
  );
  if (!isLong) return pre;
  const words = `The first ${count(SHOWN_CHARS)} of ${count(text.length)} characters. Copy takes all of them.`;
  return el('div', {}, pre, el('p', { class: 'below' }, words));
}

/** Unchanged text with a copy button. */
export const block = (label, text) => section(label, [copyButton(text)], preformatted(text));
