import { hostname } from 'node:os';

/** They stand for every address of a machine, and are none to connect to. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Where other processes reach this writer: `given` (WRITER_URL), else HOST, else the name of this machine or container. */
export function reachableUrl(host: string, port: number, given?: string): string {
  if (given !== undefined) return given.replace(/\/$/, '');
  const name = WILDCARDS.has(host) ? hostname() : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
