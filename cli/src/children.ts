/** The processes of the system, and the order in which they stop. */
import { fileURLToPath } from 'node:url';
import type { UpConfig } from './config.js';
import type { Ports } from './ports.js';
import type { ChildSpec } from './supervise.js';
import { reachableHost } from './welcome.js';

const LOOPBACK = '127.0.0.1';

/**
 * Stops ingest first, so that it finishes its deliveries while Redis and the others still run. Then stops the writer,
 * so that it finishes its jobs while Redis still runs. Redis is last.
 */
export const STOP_ORDER: readonly (readonly string[])[] = [['ingest'], ['writer', 'query'], ['redis']];

export interface ServiceSpec extends ChildSpec {
  readyUrl: string;
}

const mainOf = (service: string): string =>
  fileURLToPath(new URL(`../../services/${service}/dist/main.js`, import.meta.url));

/** The hosts on which the three services listen. Only ingest is reachable from outside, and it forwards to query. */
export function hosts(config: UpConfig) {
  return { PORT: config.HOST, QUERY_PORT: LOOPBACK, WRITER_PORT: LOOPBACK };
}

export function serviceSpecs(
  config: UpConfig,
  ports: Ports,
  derived: { redisUrl: string; secret: string },
): ServiceSpec[] {
  const env: NodeJS.ProcessEnv = {
    ...config.env,
    DATA_DIR: config.DATA_DIR,
    REDIS_URL: derived.redisUrl,
    WEBHOOK_SECRET: derived.secret,
    PORT: String(ports.PORT),
    QUERY_PORT: String(ports.QUERY_PORT),
    WRITER_PORT: String(ports.WRITER_PORT),
  };
  const service = (name: string, host: string, port: number, more: NodeJS.ProcessEnv = {}): ServiceSpec => ({
    name,
    command: process.execPath,
    args: [mainOf(name)],
    env: { ...env, HOST: host, ...more },
    ipc: true,
    readyUrl: `http://${reachableHost(host)}:${port}/readyz`,
  });
  return [
    service('writer', LOOPBACK, ports.WRITER_PORT),
    service('query', LOOPBACK, ports.QUERY_PORT, {
      INGEST_URL: `http://${reachableHost(config.HOST)}:${ports.PORT}`,
    }),
    service('ingest', config.HOST, ports.PORT, { QUERY_URL: `http://${LOOPBACK}:${ports.QUERY_PORT}` }),
  ];
}
