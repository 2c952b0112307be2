/** The state that the address holds, so that it can be shared and Back works. */

const listeners = new Set();
/** The field that is being typed in. */
let typedIn = '';

/** Parameters of the address by name. */
export function state() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

/** The address with `changes`; an empty or undefined value takes a parameter out. */
export function address(changes, from = state()) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...from, ...changes })) {
    if (value !== undefined && value !== '') parameters.set(name, value);
  }
  const search = parameters.toString();
  return search === '' ? '/' : `/?${search}`;
}

const tell = () => {
  for (const listener of listeners) listener(state());
};

/** Goes there. While somebody types in one field (`typing` is its name), the entry of the history is the same one. */
export function go(changes, { typing = '', from = state() } = {}) {
  const to = address(changes, from);
  if (to === `${location.pathname}${location.search}`) return;
  if (typing !== '' && typing === typedIn) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  typedIn = typing;
  tell();
}

export function onRoute(listener) {
  listeners.add(listener);
}

addEventListener('popstate', () => {
  typedIn = '';
  tell();
});
