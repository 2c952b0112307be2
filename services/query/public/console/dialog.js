/** The one dialog: details of a message or a letter. Esc closes it, and whoever opened it has the focus again. */
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
  // the backdrop belongs to the dialog; everything else is inside
  if (event.target === dialog) dialog.close();
});

/** `onClose` is told when it closes, for whatever reason. */
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

/** A list of names and values; values are text or elements. */
export function facts(entries) {
  return el(
    'dl',
    { class: 'facts' },
    ...entries.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]),
  );
}

/** Text as it came, with a button that copies it. */
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
