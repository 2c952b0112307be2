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

/**
 * Goes there. While somebody types in one field (`typing` is its name), the entry of the history is the same one; so it
 * is with `replace`, for an address that leads nowhere.
 */
export function go(changes, { typing = '', from = state(), replace = false } = {}) {
  const to = address(changes, from);
  if (to === `${location.pathname}${location.search}`) return;
  if (replace || (typing !== '' && typing === typedIn)) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  typedIn = typing;
  tell();
}

const pageOf = ({ page }) => (/^[1-9]\d{0,8}$/.test(page ?? '') ? Number(page) : 1);

/** Pages of a list, `size` entries each. */
export function pager(size) {
  return {
    of: pageOf,
    offset: (wanted) => (pageOf(wanted) - 1) * size,
    turn: (by) => go({ page: String(pageOf(state()) + by) }),
    /** Goes to the last page when there is no such page; true when it does. */
    isBeyond({ total, offset, data }) {
      if (data.length > 0 || offset === 0) return false;
      const last = Math.max(1, Math.ceil(total / size));
      go({ page: last === 1 ? '' : String(last) }, { replace: true });
      return true;
    },
  };
}

export function onRoute(listener) {
  listeners.add(listener);
}

addEventListener('popstate', () => {
  typedIn = '';
  tell();
});
