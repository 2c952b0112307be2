/** The proxy's configuration, in a real nginx where there is one. */
import assert from 'node:assert/strict';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PROBLEMS, PROBLEM_TYPE, problem, type ProblemCode } from '@lyftr/shared/errors';
import {
  BODY_BYTES_DEFAULT,
  FORWARDED_BODY_BYTES_MAX,
  HEADERS_BYTES_MAX,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  REQUEST_TIMEOUT_MS,
} from '@lyftr/shared/limits';
import { NO_NGINX, nginxConf, resolves, startNginx } from './nginx.js';
import { eventually } from './system.js';

describe('deploy/nginx/lyftr.conf', () => {
  const seconds = (directive: string) =>
    [...nginxConf.matchAll(new RegExp(`^\\s*${directive} (\\d+)s;`, 'gm'))].map((match) => Number(match[1]));

  test('its waits fit those of the services', () => {
    const idle = seconds('keepalive_timeout');
    assert.equal(idle.length, 2);
    for (const value of idle) assert.ok(value * 1_000 < KEEP_ALIVE_TIMEOUT_MS, 'ingest would close first');
    assert.deepEqual(seconds('client_header_timeout'), [HEADERS_TIMEOUT_MS / 1_000]);
    for (const value of seconds('client_body_timeout')) assert.ok(value * 1_000 > REQUEST_TIMEOUT_MS);
  });

  test('its problems are those of the table', () => {
    const found = [
      ...nginxConf.matchAll(/location = \/\.problem\/(\S+) \{[^}]*?return (\d+) '(\{.*\})';\s*\}/g),
    ];
    assert.ok(found.length >= 9);
    for (const [, code, status, body] of found) {
      assert.equal(body, JSON.stringify(problem(code as ProblemCode)));
      assert.equal(Number(status), PROBLEMS[code as ProblemCode].status);
    }
    for (const [, target] of nginxConf.matchAll(/error_page .*\/\.problem\/([a-z-]+);/g)) {
      assert.ok(
        found.some(([, code]) => code === target),
        target,
      );
    }
  });
});

/** A name server with one kind of answer: the addresses of a name, which may change. */
async function startNameServer(names: Record<string, string[]>): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const labels: string[] = [];
    let end = 12;
    for (let size = query[end] as number; size !== 0; size = query[end] as number) {
      labels.push(query.toString('latin1', end + 1, end + 1 + size));
      end += 1 + size;
    }
    const question = query.subarray(12, end + 5);
    const addresses = names[labels.join('.')] ?? [];
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    // an answer to a recursive query; 3 is "no such name"
    head.writeUInt16BE(0x8180 | (addresses.length === 0 ? 3 : 0), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(addresses.length, 6);
    const records = addresses.map((address) =>
      // name (pointer to the question), type A, class IN, 600 s as Docker says, 4 bytes
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, ...address.split('.').map(Number)]),
    );
    socket.send(Buffer.concat([head, question, ...records]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function startServer(host: string, port: number, listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

async function stopServer(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

describe('the proxy', { skip: NO_NGINX }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'lyftr-proxy-'));
  const names: Record<string, string[]> = { ingest: ['127.0.0.1'], query: ['127.0.0.1'] };
  const seen: {
    name: string;
    method: string;
    url: string;
    headers: Record<string, unknown>;
    socket: string;
  }[] = [];
  let nameServer: UdpSocket;
  let nginx: Awaited<ReturnType<typeof startNginx>>;
  let origin = '';
  let port = 0;
  let ingestPort = 0;
  let ingest: Server;
  let query: Server;

  /** Reports what reached it; answers 413 the way ingest does, before the body is there. */
  const fake =
    (name: string): RequestListener =>
    (req, res) => {
      const socket = `${req.socket.remoteAddress}:${req.socket.remotePort}`;
      seen.push({ name, method: req.method ?? '', url: req.url ?? '', headers: req.headers, socket });
      if (Number(req.headers['content-length'] ?? 0) > BODY_BYTES_DEFAULT) {
        res.writeHead(413, { 'content-type': PROBLEM_TYPE, connection: 'close' }).end(`{"from":"${name}"}`);
        return;
      }
      req.resume().on('end', () => res.writeHead(200).end(name));
    };
  const text = async (path: string, init: RequestInit = {}) => (await fetch(`${origin}${path}`, init)).text();
  const raw = async (bytes: string) => {
    const socket = connect(port, '127.0.0.1');
    socket.end(bytes);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    return answer;
  };

  async function assertProblem(answer: Response, code: ProblemCode): Promise<void> {
    assert.equal(answer.status, PROBLEMS[code].status);
    assert.equal(answer.headers.get('content-type'), PROBLEM_TYPE);
    assert.deepEqual(await answer.json(), problem(code));
  }

  before(async () => {
    nameServer = await startNameServer(names);
    ingest = await startServer('127.0.0.1', 0, fake('ingest'));
    query = await startServer('127.0.0.1', 0, fake('query'));
    ingestPort = (ingest.address() as AddressInfo).port;
    const queryPort = (query.address() as AddressInfo).port;
    const addressOf = (name: string, at: number) => `${resolves ? name : '127.0.0.1'}:${at}`;
    nginx = await startNginx({
      directory,
      ingest: [addressOf('ingest', ingestPort)],
      query: [addressOf('query', queryPort)],
      ...(resolves ? { nameServerPort: nameServer.address().port } : {}),
    });
    ({ port, origin } = nginx);
    await eventually('the first answer', async () => {
      const answers = await Promise.all([text('/healthz'), text('/stats')]).catch((): string[] => []);
      return answers[0] === 'ingest' && answers[1] === 'query';
    });
  });

  after(async () => {
    await nginx.stop();
    nameServer.close();
    await Promise.all([stopServer(ingest), stopServer(query)]);
    rmSync(directory, { recursive: true, force: true });
  });

  test('sends deliveries and health to ingest, everything else to query', async () => {
    const delivery = { method: 'POST', body: '{}' };
    assert.equal(await text('/webhook', delivery), 'ingest');
    assert.equal(await text('/webhook/batch', delivery), 'ingest');
    assert.equal(await text('/webhook/nothing'), 'ingest');
    assert.equal(await text('/healthz'), 'ingest');
    assert.equal(await text('/readyz'), 'ingest');
    for (const path of [
      '/',
      '/messages?q=a%2Fb',
      '/stats',
      '/metrics',
      '/docs/',
      '/openapi.json',
      '/healthz2',
    ]) {
      assert.equal(await text(path), 'query', path);
      assert.equal(seen.at(-1)?.url, path);
    }
  });

  test('says where a request came from, whatever the client says, and keeps the scheme of an outer proxy', async () => {
    await text('/stats');
    assert.equal(seen.at(-1)?.headers['host'], `127.0.0.1:${port}`);
    assert.equal(seen.at(-1)?.headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen.at(-1)?.headers['x-forwarded-proto'], 'http');
    await text('/stats', {
      headers: { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', authorization: 'Bearer t' },
    });
    assert.equal(seen.at(-1)?.headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen.at(-1)?.headers['x-forwarded-proto'], 'https');
    assert.equal(seen.at(-1)?.headers['authorization'], 'Bearer t');
  });

  test('keeps its connections to ingest open', async () => {
    const from = seen.length;
    for (let i = 0; i < 20; i += 1) await text('/webhook', { method: 'POST', body: '{}' });
    const sockets = new Set(seen.slice(from).map(({ socket }) => socket));
    assert.ok(sockets.size <= 2, `${sockets.size} connections for 20 deliveries`);
  });

  test('leaves the size of a body to ingest', async () => {
    const body = Buffer.alloc(BODY_BYTES_DEFAULT);
    assert.equal(await text('/webhook', { method: 'POST', body }), 'ingest');
    const req = request(`${origin}/webhook`, {
      method: 'POST',
      headers: { 'content-length': 100 * BODY_BYTES_DEFAULT },
    });
    req.on('error', () => {});
    req.write('x');
    const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage];
    let answer = '';
    for await (const chunk of res) answer += String(chunk);
    req.destroy();
    assert.equal(res.statusCode, 413);
    assert.equal(answer, '{"from":"ingest"}');
  });

  test('passes a body on while it arrives', async () => {
    const from = seen.length;
    const req = request(`${origin}/webhook`, { method: 'POST' });
    req.write('{');
    await eventually('the head at ingest', () => seen.length > from);
    req.end('}');
    const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage];
    res.resume();
    assert.equal(res.statusCode, 200);
  });

  test('passes on what the services accept', async () => {
    const long = 'x'.repeat(9_000);
    assert.equal(await text(`/messages?q=${long}`), 'query');
    assert.equal(await text('/messages', { headers: { 'x-long': long } }), 'query');
    assert.equal(
      await text('/sign-in', { method: 'POST', body: 'x'.repeat(FORWARDED_BODY_BYTES_MAX) }),
      'query',
    );
  });

  test('refuses as the services refuse', async () => {
    await assertProblem(
      await fetch(`${origin}/sign-in`, { method: 'POST', body: 'x'.repeat(FORWARDED_BODY_BYTES_MAX + 1) }),
      'body-too-large',
    );
    await assertProblem(await fetch(`${origin}/.problem/internal`), 'not-found');
    const tooLong = 'x'.repeat(HEADERS_BYTES_MAX);
    await assertProblem(await fetch(`${origin}/stats?q=${tooLong}`), 'headers-too-large');
    await assertProblem(
      await fetch(`${origin}/stats`, { headers: { 'x-long': tooLong } }),
      'headers-too-large',
    );
    const twoHosts = await raw('GET /stats HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
    assert.match(twoHosts, /^HTTP\/1\.1 400 /);
    assert.ok(
      twoHosts.includes(PROBLEM_TYPE) && twoHosts.includes('urn:lyftr:problem:bad-request'),
      twoHosts,
    );
    assert.match(await raw('nonsense\r\n\r\n'), /urn:lyftr:problem:bad-request/);
    assert.match(await raw('TRACE / HTTP/1.1\r\nHost: a\r\n\r\n'), /urn:lyftr:problem:method-not-allowed/);
  });

  test(
    'finds the containers that scaling adds, and lets go of those that it takes',
    { skip: !resolves && 'this nginx is older than 1.27.3' },
    async () => {
      const second = await startServer('127.0.0.2', ingestPort, fake('ingest-2'));
      names['ingest'] = ['127.0.0.1', '127.0.0.2'];
      const answers = async (): Promise<Set<string>> => {
        const found = new Set<string>();
        for (let i = 0; i < 8; i += 1) found.add(await text('/webhook', { method: 'POST', body: '{}' }));
        return found;
      };
      await eventually('both answer', async () => (await answers()).size === 2);
      names['ingest'] = ['127.0.0.2'];
      await eventually('one answers', async () => [...(await answers())].join() === 'ingest-2');
      // gone before the name server knows: the next one is asked, and the sender sees nothing of it
      names['ingest'] = ['127.0.0.1', '127.0.0.2'];
      await eventually('both answer again', async () => (await answers()).size === 2);
      await stopServer(second);
      assert.deepEqual([...(await answers())], ['ingest']);
      names['ingest'] = ['127.0.0.1'];
    },
  );

  test('says 503 with Retry-After for a service that does not answer', async () => {
    await stopServer(ingest);
    const refused = await fetch(`${origin}/webhook`, { method: 'POST', body: '{}' });
    assert.equal(refused.headers.get('retry-after'), '1');
    await assertProblem(refused, 'queue-unavailable');
    await assertProblem(await fetch(`${origin}/readyz`), 'not-ready');
    assert.equal(await text('/stats'), 'query');

    await stopServer(query);
    await assertProblem(await fetch(`${origin}/stats`), 'upstream-unavailable');

    ingest = await startServer('127.0.0.1', ingestPort, fake('ingest'));
    query = await startServer('127.0.0.1', 0, fake('query'));
    await eventually('ingest answers again', async () => (await text('/healthz')) === 'ingest');
    assert.doesNotMatch(nginx.log(), /\[(alert|emerg|crit)\]/);
  });
});
