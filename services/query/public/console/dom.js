/** Creates elements without HTML text. Anything that a sender wrote becomes text and never HTML. */
import { ago, time } from './format.js';

/** The element with this id. Throws when the page has none. */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no element #${id}`);
  return element;
}

/** Attributes by name. A function becomes an event listener. `undefined` and `false` omit the attribute. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

/** Sets the text only when it differs, so that screen readers announce only changes. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows `text`, or hides the element when `text` is empty. */
export function note(element, text) {
  element.hidden = text === '';
  setText(element, text);
}

/** How long ago it was, with the whole time as the title. `isoText` may be null: `never`. */
export function timeAgo(isoText) {
  if (isoText === null) return 'never';
  const ms = Date.parse(isoText);
  return el('time', { datetime: isoText, title: time(ms / 1_000) }, ago(ms));
}

/** A button that copies `text`. */
export function copyButton(text, label = 'Copy') {
  const button = el('button', { type: 'button', class: 'quiet' }, label);
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      setText(button, 'Copied');
    } catch {
      setText(button, 'Not allowed');
    }
  });
  return button;
}

/** Returns `text` with the matches of `needle` marked. Marks nothing when lower case changes the length of the text. */
export function marked(text, needle) {
  const lower = text.toLowerCase();
  const wanted = needle.toLowerCase();
  if (wanted === '' || lower.length !== text.length) return [text];
  const parts = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), el('mark', {}, text.slice(at, at + wanted.length)));
    from = at + wanted.length;
  }
  parts.push(text.slice(from));
  return parts;
}

/** Lets arrow keys, Home and End move through the buttons of a list. */
export function walkWithArrows(list) {
  list.addEventListener('keydown', (event) => {
    const items = [...list.querySelectorAll('.row')];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (at === -1 || to === undefined) return;
    event.preventDefault();
    items[Math.max(0, Math.min(items.length - 1, to))].focus();
  });
}
