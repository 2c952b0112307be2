/** The state of the system: its own statement, or that no data arrives. */

/** Texts for an unknown state, by the result of `heard()` of live.js. */
const UNHEARD = {
  connecting: ['connecting…', 'No data has arrived yet.'],
  lost: ['connection lost', 'Lyftr cannot be reached. These are the last figures that arrived.'],
  silent: ['not known', 'Lyftr is not responding. These are the last figures that arrived.'],
};

/** `{level, title, detail}`. `level` is `good`, `busy`, `bad` or `unknown`. */
export function statusOf(sample, heard) {
  if (heard === 'known') return sample.state;
  const [title, detail] = UNHEARD[heard];
  return { level: 'unknown', title, detail };
}
