/**
 * Recognises the one shape of request that the fast path handles, and nothing else: HTTP/1.1, `POST` on an intake
 * route, plain header lines, one Host, one Content-Length, at most one content type and one of each header that the
 * route's scheme reads, and no header that changes how a body is framed or a connection is used.
 *
 * This is not an HTTP parser. There is no request whose meaning it decides: what is not plain beyond doubt is left to
 * node:http, bytes and all, so that there is one place that refuses (RFC 9112, 9110).
 */
import { REQUEST_ID } from '@lyftr/shared/runtime/request-id';

export interface PlainRequest<Route> {
  route: Route;
  path: string;
  /** Those that the route reads. */
  headers: Record<string, string>;
  contentType: string | undefined;
  /** As it came. */
  requestId: string | undefined;
  /** Offset of the body's first byte, and of the byte behind its last. */
  bodyStart: number;
  bodyEnd: number;
}

/** Far below the 16 KiB and the number of lines at which node:http refuses a head, whatever it counts. */
const HEAD_BYTES_MAX = 4 * 1024;
/** Printable ASCII in lines that end in CRLF; a line must not begin with white space (obsolete folding). */
const PLAIN_HEAD = /^(?:[!-~][ -~]*\r\n)+$/;
const NAME = /^[a-z0-9-]+$/;
const LENGTH = /^[0-9]{1,7}$/;
/** They frame a body, are about the connection, or ask for an answer in between. */
const NOT_PLAIN = new Set([
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
  'trailer',
  'keep-alive',
  'proxy-connection',
  'http2-settings',
]);

const SPACE = 32;

/**
 * Looks at bytes from the start of a request. Undefined: not plain, or its head is not complete. The body need not have
 * arrived.
 */
export function readPlainRequest<Route extends { headers: readonly string[] }>(
  bytes: Buffer,
  routes: ReadonlyMap<string, Route>,
): PlainRequest<Route> | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1 || end > HEAD_BYTES_MAX) return undefined;
  const head = bytes.toString('latin1', 0, end + 2);
  if (!PLAIN_HEAD.test(head)) return undefined;
  const lineEnd = head.indexOf('\r\n');
  if (!head.startsWith('POST ') || !head.startsWith(' HTTP/1.1', lineEnd - 9)) return undefined;
  const path = head.slice(5, lineEnd - 9);
  const route = routes.get(path);
  if (route === undefined) return undefined;

  let hosts = 0;
  let length: string | undefined;
  const headers: Record<string, string> = {};
  let contentType: string | undefined;
  let requestId: string | undefined;
  for (let at = lineEnd + 2; at < head.length;) {
    const next = head.indexOf('\r\n', at);
    const colon = head.indexOf(':', at);
    if (colon === -1 || colon > next) return undefined;
    const name = head.slice(at, colon).toLowerCase();
    if (!NAME.test(name) || NOT_PLAIN.has(name)) return undefined;
    // one space in front of a value is usual; more of it, and any behind it, is for node:http to judge
    const start = head.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1;
    if (head.charCodeAt(start) === SPACE || head.charCodeAt(next - 1) === SPACE) return undefined;
    const value = head.slice(start, next);
    if (name === 'host') hosts++;
    else if (name === 'connection') {
      if (value.toLowerCase() !== 'keep-alive') return undefined;
    } else if (name === 'content-length') {
      if (length !== undefined) return undefined;
      length = value;
    } else if (name === 'content-type') {
      if (contentType !== undefined) return undefined;
      contentType = value;
    } else if (name === REQUEST_ID) {
      if (requestId !== undefined) return undefined;
      requestId = value;
    } else {
      // the route's own string: `name` would have to be looked up among all strings first
      const known = route.headers[route.headers.indexOf(name)];
      if (known !== undefined) {
        if (headers[known] !== undefined) return undefined;
        headers[known] = value;
      }
    }
    at = next + 2;
  }
  if (hosts !== 1 || length === undefined || !LENGTH.test(length)) return undefined;
  const bodyStart = end + 4;
  return { route, path, headers, contentType, requestId, bodyStart, bodyEnd: bodyStart + Number(length) };
}
