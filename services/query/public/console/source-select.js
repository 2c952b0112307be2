/** The fields that filter by source. They are hidden while there are no sources. */
import { el } from './dom.js';

let names = [];
/** The chosen source by field. */
const chosenBy = new Map();

function fill(select) {
  const chosen = chosenBy.get(select);
  // messages of a source stay when it is taken out of the file
  const all = chosen === '' || names.includes(chosen) ? names : [...names, chosen];
  select.replaceChildren(
    el('option', { value: '' }, 'all'),
    ...all.map((name) => el('option', { value: name }, name)),
  );
  select.value = chosen;
  select.closest('.field').hidden = all.length === 0;
}

/** Shows `chosen`, which is '' for all sources. */
export function chooseSource(select, chosen) {
  if (chosenBy.get(select) === chosen) return;
  chosenBy.set(select, chosen);
  fill(select);
}

export function setSourceNames(next) {
  if (next.join() === names.join()) return;
  names = next;
  for (const select of chosenBy.keys()) fill(select);
}
