import { hostname } from 'node:os';

/** These mean every address of the machine. A client cannot connect to them. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/**
 * The URL at which other processes reach this writer: `given` (WRITER_URL), otherwise HOST, or the name of this
 * machine when HOST is a wildcard.
 */
export function reachableUrl(host: string, port: number, given?: string): string {
  if (given !== undefined) return given.replace(/\/$/, '');
  const name = WILDCARDS.has(host) ? hostname() : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
