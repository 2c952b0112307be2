/**
 * The dialog with the details of a message or a dead letter. Esc closes it, and the focus returns to the element that
 * opened it.
 */
import { byId, el, setText } from './dom.js';

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

/** Unchanged text with a copy button. */
export function block(label, text) {
  const copy = el('button', { type: 'button', class: 'quiet' }, 'Copy');
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      setText(copy, 'Copied');
    } catch {
      setText(copy, 'Not allowed');
    }
  });
  return el(
    'section',
    { class: 'block' },
    el('header', {}, el('h3', {}, label), copy),
    el('pre', { tabindex: '0', dir: 'auto' }, text === '' ? el('em', {}, 'empty') : text),
  );
}
