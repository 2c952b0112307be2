/** The head of a 200 on the fast path. */
import { KEEP_ALIVE_TIMEOUT_MS } from '@lyftr/shared/limits';
import { REQUEST_ID } from '@lyftr/shared/runtime/request-id';

const KEEP_ALIVE_SECONDS = KEEP_ALIVE_TIMEOUT_MS / 1_000;

const KEPT = `connection: keep-alive\r\nkeep-alive: timeout=${KEEP_ALIVE_SECONDS}\r\n`;
const CLOSED = 'connection: close\r\n';

/** A 200 up to the id of its request. */
const headOf = (answer: string, date: string, connection: string): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: ${date}\r\n${connection}` +
  `content-length: ${answer.length}\r\n${REQUEST_ID}: `;

/** The same on a connection that is kept. Made once a second and answer, not once a request. */
export function createHeads(): (answer: string) => string {
  let second = 0;
  const made = new Map<string, string>();
  return (answer) => {
    const now = Math.floor(Date.now() / 1_000);
    if (now !== second) {
      second = now;
      made.clear();
    }
    let head = made.get(answer);
    if (head === undefined) {
      head = headOf(answer, new Date(now * 1_000).toUTCString(), KEPT);
      made.set(answer, head);
    }
    return head;
  };
}

/** The same on a connection that ends. */
export const lastHead = (answer: string): string => headOf(answer, new Date().toUTCString(), CLOSED);
