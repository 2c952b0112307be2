/** Finds ports that are in use before anything is started, and names the setting to change. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { PortSetting } from './config.js';

const RETRY_MS = 100;

export type Ports = Record<PortSetting, number>;

/** One line for a person. */
export class PortError extends Error {
  override readonly name = 'PortError';
}

export function portTaken(setting: PortSetting, port: number): PortError {
  return new PortError(`port ${port} is in use by another process (set ${setting} to another)`);
}

function explain(error: NodeJS.ErrnoException, setting: PortSetting, port: number, host: string): Error {
  if (error.code === 'EADDRINUSE') return portTaken(setting, port);
  if (error.code === 'EACCES')
    return new PortError(
      `port ${port} requires privileges that this user does not have (set ${setting} above 1023)`,
    );
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new PortError(`HOST ${host} is not an address of this machine`);
  return error;
}

/**
 * Binds every port once and releases it. Returns the ports, with a free one instead of each 0; the child keeps it
 * across restarts. Waits up to `patienceMs` for ports that processes of an earlier run still use. Rejects with
 * PortError.
 */
export async function tryPorts(
  wanted: Ports,
  hosts: Record<PortSetting, string>,
  patienceMs = 0,
): Promise<Ports> {
  const ports = { ...wanted };
  const held: Server[] = [];
  const deadline = performance.now() + patienceMs;
  try {
    for (const setting of Object.keys(wanted) as PortSetting[]) {
      for (;;) {
        // keep all ports bound until the last one, so that no free port is returned twice
        const server = createServer();
        try {
          server.listen(wanted[setting], hosts[setting]);
          await once(server, 'listening');
          held.push(server);
          ports[setting] = (server.address() as AddressInfo).port;
          break;
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code !== 'EADDRINUSE' || performance.now() > deadline)
            throw explain(error as Error, setting, wanted[setting], hosts[setting]);
          await delay(RETRY_MS);
        }
      }
    }
    return ports;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
