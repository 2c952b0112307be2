/** The proxy's configuration in a real nginx, where there is one: the distribution's, or a newer one on PATH. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { read } from './deploy.js';
import { freePort } from './system.js';

export const nginxConf = read('deploy/nginx/lyftr.conf');

/** The first nginx on PATH or where Debian puts it, with its version. */
function findNginx(): { path: string; version: string } | undefined {
  for (const path of ['nginx', '/usr/sbin/nginx']) {
    const { stderr } = spawnSync(path, ['-v'], { encoding: 'utf8' });
    const version = /nginx\/(\d+\.\d+\.\d+)/.exec(stderr ?? '')?.[1];
    if (version !== undefined) return { path, version };
  }
  return undefined;
}

export const nginx = findNginx();
export const NO_NGINX = nginx === undefined && 'there is no nginx on this machine';
/** nginx without a subscription resolves the names of upstreams at run time since 1.27.3. */
export const resolves =
  nginx !== undefined && nginx.version.localeCompare('1.27.3', undefined, { numeric: true }) >= 0;

export interface NginxOptions {
  /** Its only writable directory. */
  directory: string;
  /** `host:port` of each server behind it. Names are asked of `nameServerPort`. */
  ingest: string[];
  query: string[];
  nameServerPort?: number;
}

/** Starts it with `deploy/nginx/lyftr.conf`, on a port and with servers of the test's own. */
export async function startNginx({ directory, ingest, query, nameServerPort }: NginxOptions) {
  const port = await freePort();
  const servers = { ingest, query };
  const conf = nginxConf
    .replaceAll('/tmp/', `${directory}/`)
    .replace('listen 8000', `listen 127.0.0.1:${port}`)
    .replace('resolver 127.0.0.11 valid=2s', `resolver 127.0.0.1:${nameServerPort ?? 53} valid=1s`)
    .replace(
      /server (ingest|query):\d+ resolve(.*);/g,
      (_, name: keyof typeof servers, parameters: string) => {
        const resolve = nameServerPort === undefined ? '' : ' resolve';
        return servers[name].map((address) => `server ${address}${resolve}${parameters};`).join('\n');
      },
    )
    .replace('worker_processes auto', 'worker_processes 1')
    // the hard limit of this machine may be lower
    .replace(/^worker_rlimit_nofile.*\n/m, '')
    .replace('worker_connections 8192', 'worker_connections 512');
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, conf);
  const path = nginx?.path ?? '';
  const args = ['-p', directory, '-c', file, '-e', 'stderr'];
  const checked = spawnSync(path, [...args, '-t'], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
  assert.doesNotMatch(checked.stderr, /\[warn\]/);
  let log = '';
  const child = spawn(path, [...args, '-g', 'daemon off;'], { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.on('data', (chunk) => (log += String(chunk)));
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    log: () => log,
    async stop(): Promise<void> {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
