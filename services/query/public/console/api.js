/** Requests to the service. Every failure has a text for a person, and a 503 is tried again after a pause. */
import { parseJson } from './json.js';

const TRIES_MAX = 4;
const WAIT_SECONDS_MAX = 10;

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

export function signIn() {
  const next = `${location.pathname}${location.search}`;
  location.assign(`/sign-in?next=${encodeURIComponent(next)}`);
}

export const isAbort = (error) => error instanceof DOMException && error.name === 'AbortError';

/** The text of a problem: its detail, then the invalid parameters. */
async function words(response) {
  try {
    const { title = '', detail = '', errors = [] } = await response.json();
    const faults = errors.map(({ path, message }) => `${path} ${message}`).join(', ');
    return `${title}. ${faults === '' ? detail : `${faults}.`}`;
  } catch {
    return `The service answered ${response.status}.`;
  }
}

function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1_000);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

async function once(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { accept: 'application/json', ...options.headers } });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError('Lyftr is not responding. It may be restarting. Try again.', 0);
  }
  if (response.status === 401) {
    signIn();
    throw new ApiError('The session has ended.', 401);
  }
  return response;
}

/**
 * Sends a GET. Calls `waiting` with a text while it waits to try again after a 503. Rejects with ApiError, or with an
 * AbortError when `signal` aborts.
 */
export async function get(path, { signal, waiting = () => {} } = {}) {
  for (let tries = 1; ; tries++) {
    const response = await once(path, { signal });
    if (response.ok) return parseJson(await response.text());
    const text = await words(response);
    const after = Number(response.headers.get('retry-after'));
    if (response.status !== 503 || !(after > 0) || tries >= TRIES_MAX)
      throw new ApiError(text, response.status);
    const seconds = Math.min(after * tries, WAIT_SECONDS_MAX);
    waiting(`${text} Trying again in ${seconds} s.`);
    await sleep(seconds, signal);
  }
}

/** Sends a request that changes something. It is never repeated automatically: a person decides. */
export async function send(method, path, body) {
  const response = await once(path, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  if (!response.ok) throw new ApiError(await words(response), response.status);
  return response.status === 204 ? undefined : response.json();
}
