/** How the system is: what it says of itself, or that it is not heard of. */

/** Why nothing is known, by `heard()` of live.js. */
const UNHEARD = {
  connecting: ['connecting…', 'Nothing has been heard yet.'],
  lost: ['connection lost', 'Lyftr cannot be reached: these are the last figures that arrived.'],
  silent: ['not known', 'Lyftr has stopped answering: these are the last figures that arrived.'],
};

/** `{level, title, detail}`; level is `good`, `busy`, `bad` or `unknown`. */
export function statusOf(sample, heard) {
  if (heard === 'known') return sample.state;
  const [title, detail] = UNHEARD[heard];
  return { level: 'unknown', title, detail };
}
