/** A sender at fault, behind a real nginx with two real ingest processes: it never costs another sender an answer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BODY_BYTES_DEFAULT } from '@lyftr/shared/limits';
import { NO_NGINX, startNginx } from './nginx.js';
import { eventually, System } from './system.js';

const TOO_LARGE = 'x'.repeat(BODY_BYTES_DEFAULT + 100_000);

describe('behind the proxy', { skip: NO_NGINX }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'lyftr-proxy-'));
  let system: System;
  let nginx: Awaited<ReturnType<typeof startNginx>>;

  before(async () => {
    system = await System.start();
    const second = await system.startService('ingest', {}, 'ingest-2');
    const query = await system.process('query').port();
    nginx = await startNginx({
      directory,
      ingest: [new URL(system.origin).host, `127.0.0.1:${await second.port()}`],
      query: [`127.0.0.1:${query}`],
    });
    system.origin = nginx.origin;
    await eventually('the first answer', async () => (await system.get('/healthz')).status === 200);
  });
  after(async () => {
    await nginx.stop();
    await system.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Answers of a sender that sends one request after another, until it is told to stop. */
  function attack(request: string, stop: AbortSignal): Promise<string[]> {
    return new Promise((resolve) => {
      const statuses: string[] = [];
      const again = (): void => {
        if (stop.aborted) {
          resolve(statuses);
          return;
        }
        const socket = connect(nginx.port, '127.0.0.1');
        let received = '';
        socket.on('data', (chunk) => {
          received += String(chunk);
          if (received.includes('\r\n\r\n')) socket.end();
        });
        socket.on('error', () => {});
        socket.on('close', () => {
          statuses.push(received.slice(9, 12));
          again();
        });
        socket.write(request);
      };
      again();
    });
  }

  let sent = 0;
  async function deliver(count: number): Promise<number[]> {
    const statuses = [];
    for (let i = 0; i < count; i++) {
      const message = { message_id: `p-${sent++}`, from: 'a', to: 'b', ts: 1_710_000_000 };
      statuses.push((await system.post(JSON.stringify(message))).status);
    }
    return statuses;
  }

  const head = 'POST /webhook HTTP/1.1\r\nHost: x\r\n';
  const chunk = `${TOO_LARGE.length.toString(16)}\r\n${TOO_LARGE}\r\n0\r\n\r\n`;
  for (const [what, request, status] of [
    ['bodies that are too large', `${head}Content-Length: ${TOO_LARGE.length}\r\n\r\n${TOO_LARGE}`, '413'],
    ['bodies in chunks that are too large', `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`, '413'],
    [
      'a head that ingest refuses',
      `${head}${`x-long: ${'x'.repeat(9_000)}\r\n`.repeat(2)}Content-Length: 3\r\n\r\nabc`,
      '431',
    ],
  ] as const) {
    test(`${what} of one sender leave the deliveries of others alone`, async () => {
      const stop = new AbortController();
      const attacks = Array.from({ length: 3 }, () => attack(request, stop.signal));
      const statuses = await deliver(200);
      stop.abort();
      const refusals = (await Promise.all(attacks)).flat();
      assert.deepEqual(new Set(statuses), new Set([200]));
      assert.deepEqual(new Set(refusals), new Set([status]));
      assert.doesNotMatch(nginx.log(), /no live upstreams/);
    });
  }
});

test('failures that a sender causes take no server out', { skip: NO_NGINX }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lyftr-proxy-'));
  const servers = Array.from({ length: 2 }, () =>
    createServer((req, res) => {
      if (req.url === '/webhook/reset') req.socket.resetAndDestroy();
      else res.end('ok');
    }).listen(0, '127.0.0.1'),
  );
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const addresses = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
  const nginx = await startNginx({ directory, ingest: addresses, query: addresses });
  const post = async (path: string) => (await fetch(`${nginx.origin}${path}`, { method: 'POST' })).status;
  await eventually('the first answer', async () => (await post('/webhook')) === 200);
  for (let i = 0; i < 5; i++) {
    assert.equal(await post('/webhook/reset'), 503);
    assert.equal(await post('/webhook/reset'), 503);
    assert.equal(await post('/webhook'), 200);
  }
  assert.doesNotMatch(nginx.log(), /no live upstreams/);
  await nginx.stop();
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
});
