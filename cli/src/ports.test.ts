import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { tryPorts } from './ports.js';

const LOOPBACK = { PORT: '127.0.0.1', QUERY_PORT: '127.0.0.1', WRITER_PORT: '127.0.0.1' };

async function occupy() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

test('0 becomes a free port, a different one each', async () => {
  const ports = await tryPorts({ PORT: 0, QUERY_PORT: 0, WRITER_PORT: 0 }, LOOPBACK);
  assert.equal(new Set(Object.values(ports)).size, 3);
  assert.ok(Object.values(ports).every((port) => port > 0));
  // they were let go again
  assert.deepEqual(await tryPorts(ports, LOOPBACK), ports);
});

test('a taken port is named with the setting that changes it', async () => {
  const { server, port } = await occupy();
  await assert.rejects(tryPorts({ PORT: 0, QUERY_PORT: port, WRITER_PORT: 0 }, LOOPBACK), {
    name: 'PortError',
    message: `port ${port} is in use by another process (set QUERY_PORT to another)`,
  });
  server.close();
});

test('a port that is let go within the patience is waited for', async () => {
  const { server, port } = await occupy();
  setTimeout(() => server.close(), 200);
  const ports = await tryPorts({ PORT: port, QUERY_PORT: 0, WRITER_PORT: 0 }, LOOPBACK, 5_000);
  assert.equal(ports.PORT, port);
});

test('a foreign address is named', async () => {
  await assert.rejects(
    tryPorts({ PORT: 0, QUERY_PORT: 0, WRITER_PORT: 0 }, { ...LOOPBACK, PORT: '192.0.2.1' }),
    { name: 'PortError', message: 'HOST 192.0.2.1 is not an address of this machine' },
  );
});
