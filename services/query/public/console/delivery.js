/** The delivery of a source behind a message or a dead letter. All of it was written by a sender, so it is text. */
import { readBody } from './body.js';
import { curlOf } from './curl.js';
import { facts, preformatted, section } from './dialog.js';
import { copyButton, el } from './dom.js';
import { count, time } from './format.js';

function pairs(label, entries) {
  return el(
    'table',
    { class: 'pairs', 'aria-label': label },
    el(
      'tbody',
      {},
      ...entries.map(([name, value]) =>
        el('tr', {}, el('th', { scope: 'row' }, el('code', {}, name)), el('td', { dir: 'auto' }, value)),
      ),
    ),
  );
}

const NOTES = {
  base64: 'The body is not UTF-8. This is its base64.',
  text: '',
};

/** Formatted first, and as it came at the press of a button. */
function bodySection(delivery) {
  const { kind, raw, json, fields } = readBody(delivery);
  const copy = copyButton(raw);
  if (kind === 'base64' || kind === 'text') {
    const note = NOTES[kind] === '' ? [] : [el('p', { class: 'below' }, NOTES[kind])];
    return section('Body', [copy], ...note, preformatted(raw));
  }
  const formatted = kind === 'form' ? pairs('Fields of the form', fields) : preformatted(json);
  const place = el('div', { class: 'shown' }, formatted);
  const views = [
    ['Formatted', formatted],
    ['Raw', preformatted(raw)],
  ].map(([label, view], index) => {
    const button = el(
      'button',
      { type: 'button', class: 'quiet', 'aria-pressed': String(index === 0) },
      label,
    );
    button.addEventListener('click', () => {
      place.replaceChildren(view);
      for (const each of views) each.setAttribute('aria-pressed', String(each === button));
    });
    return button;
  });
  const choice = el(
    'div',
    { class: 'choice', role: 'group', 'aria-label': 'How the body is shown' },
    ...views,
  );
  return section('Body', [choice, copy], place);
}

function curlSection(delivery) {
  return section(
    'Send it again',
    [copyButton(curlOf(delivery, location.origin), 'Copy as cURL')],
    el(
      'p',
      { class: 'below' },
      'The command has the exact body and the headers that were kept. The signature is missing, because Lyftr keeps none: ',
      el('code', {}, 'lyftr send --source'),
      ' signs.',
    ),
  );
}

/** `bytes` and `sha256` may be missing. */
export function deliveryParts(delivery) {
  const { source, scheme, key, verified_at, content_type, headers, bytes, sha256, imported } = delivery;
  const kept = Object.entries(headers);
  const verified = imported
    ? 'Imported from an export file. No key of the source verified it here.'
    : el('span', {}, `${time(Date.parse(verified_at) / 1_000)}, by the key `, el('code', {}, key));
  const entries = [
    ['Source', el('span', {}, el('b', {}, source), ` (${scheme})`)],
    ['Verified', verified],
    ['Content type', content_type === '' ? '–' : el('code', {}, content_type)],
  ];
  if (bytes !== undefined) entries.push(['Size', `${count(bytes)} bytes`]);
  if (sha256 !== undefined) entries.push(['SHA-256', el('code', {}, sha256)]);
  return [
    el('section', { class: 'block' }, el('h3', {}, 'Delivery'), facts(entries)),
    section(
      'Headers that were kept',
      [],
      kept.length === 0 ? el('p', { class: 'below' }, 'none') : pairs('Headers', kept),
    ),
    bodySection(delivery),
    curlSection(delivery),
  ];
}
