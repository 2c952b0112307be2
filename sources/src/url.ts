import type { SchemeSettings } from './source.js';

/**
 * What a provider signs of an address: scheme, host and path as they stand in the settings, and the query of the request as
 * it came. `Host` and the like say whatever a sender wants.
 */
export function signedUrl({ url = '' }: SchemeSettings, requestUrl: string): string {
  return url.replace(/[?#].*$/s, '') + queryOf(requestUrl);
}

/** With its question mark; empty where there is none. */
export function queryOf(requestUrl: string): string {
  const start = requestUrl.indexOf('?');
  return start === -1 ? '' : requestUrl.slice(start);
}

const DEFAULT_PORTS: Record<string, string> = { http: '80', https: '443' };

/** The same address with the port that it need not name; undefined when it names one. */
export function withPort(url: string): string | undefined {
  const [, scheme = '', host = '', rest = ''] = /^(https?):\/\/([^/?#]+)(.*)$/s.exec(url) ?? [];
  const port = DEFAULT_PORTS[scheme];
  return port === undefined || /:\d+$/.test(host) ? undefined : `${scheme}://${host}:${port}${rest}`;
}
