/** The state of the page in its address, so that it can be shared and Back works. */

const listeners = new Set();
/** The field in which the user is typing. */
let typedIn = '';

/** The parameters of the address by name. */
export function state() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

/** The address with `changes`. An empty or undefined value removes a parameter. */
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
 * Opens the address. While the user types in one field (`typing` is its name), the history entry is replaced. So it
 * is with `replace`, for an address that does not exist.
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

/** The pages of a list, with `size` entries each. */
export function pager(size) {
  return {
    of: pageOf,
    offset: (wanted) => (pageOf(wanted) - 1) * size,
    turn: (by) => go({ page: String(pageOf(state()) + by) }),
    /** Opens the last page when the current one does not exist. Returns true when it does so. */
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
