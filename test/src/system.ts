/** A whole Lyftr for one test file: its own Redis, folder, ports and processes, all gone afterwards. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { builtInSigner } from '@lyftr/sources/open';
import { SIGNATURE_HEADER } from '@lyftr/sources/schemes/lyftr';
import type { Sign } from '@lyftr/sources/source';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { Redis } from 'ioredis';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const SECRET = 'a secret for tests';

export type ServiceName = 'ingest' | 'writer' | 'query';
export type Environment = Record<string, string>;

/** Tries `attempt` until it returns something other than undefined or false. Throws at the deadline. */
export async function eventually<T>(
  what: string,
  attempt: () => Promise<T | undefined | false> | T | undefined | false,
  // a machine that does much else beside is slow, and not wrong
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const result = await attempt();
      if (result !== undefined && result !== false) return result;
    } catch (error) {
      last = error;
    }
    await delay(20);
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last });
}

/** Not taken at the moment; whoever wants it has to be quick. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Ended with the test process, however that ends: the runner sends SIGTERM to a file that takes too long. */
const running = new Set<ChildProcess>();
function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
process.on('exit', endAll);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));

export class Process {
  readonly name: string;
  readonly child: ChildProcess;
  readonly lines: Record<string, unknown>[] = [];
  /** `[code, signal]` once it has ended. */
  readonly ended: Promise<[number | null, NodeJS.Signals | null]>;

  constructor(name: string, command: string, args: string[], env: Environment) {
    this.name = name;
    this.child = spawn(command, args, {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.child);
    this.child.on('exit', () => running.delete(this.child));
    this.ended = once(this.child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        try {
          this.lines.push(JSON.parse(line) as Record<string, unknown>);
        } catch {
          this.lines.push({ msg: line });
        }
      });
    }
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  logged(text: string): Record<string, unknown> | undefined {
    return this.lines.find(({ msg }) => String(msg).includes(text));
  }

  /** The port in its `listening` line. */
  async port(): Promise<number> {
    const line = await eventually(`${this.name} listens`, () => {
      if (!this.running) throw new Error(`${this.name} ended: ${JSON.stringify(this.lines)}`);
      return this.logged('listening');
    });
    return line['port'] as number;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.running) this.child.kill(signal);
    const [code] = await this.ended;
    return code;
  }
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // tests look into answers of every shape
  // oxlint-disable-next-line typescript/no-explicit-any
  json: any;
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

const signers = new Map<string, Sign>();

/** The headers that carry the signature. */
export function signed(body: string | Buffer, secret = SECRET): Record<string, string> {
  const signer = signers.get(secret) ?? builtInSigner(secret);
  signers.set(secret, signer);
  return signer({ body });
}

/** `x-signature` alone. */
export function sign(body: string | Buffer, secret = SECRET): string {
  return signed(body, secret)[SIGNATURE_HEADER] as string;
}

export class System {
  readonly dir = mkdtempSync(join(tmpdir(), 'lyftr-test-'));
  readonly env: Environment;
  private readonly nodeArgs: string[];
  readonly processes = new Map<string, Process>();
  /** Where everything is served: ingest. */
  origin = '';
  private redisClient: Redis | undefined;

  constructor(env: Environment = {}, nodeArgs: string[] = []) {
    this.nodeArgs = nodeArgs;
    this.env = {
      REDIS_URL: `unix://${this.redisSocket}`,
      DATA_DIR: join(this.dir, 'data'),
      WEBHOOK_SECRET: SECRET,
      PORT: '0',
      QUERY_PORT: '0',
      WRITER_PORT: '0',
      ...env,
    };
  }

  /** `nodeArgs` go to every service: `--cpu-prof` and the like. */
  static async start(env: Environment = {}, nodeArgs: string[] = []): Promise<System> {
    const system = new System(env, nodeArgs);
    try {
      await system.startRedis();
      await system.startServices();
      await eventually('the system is ready', async () => {
        const [ready, stats] = await Promise.all([system.get('/readyz'), system.get('/stats')]);
        return ready.status === 200 && stats.status !== 503;
      });
      return system;
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  async startServices(): Promise<void> {
    const [query] = await Promise.all([this.startService('query'), this.startService('writer')]);
    this.env['QUERY_URL'] = `http://127.0.0.1:${await query.port()}`;
    await this.startIngest();
  }

  get redisSocket(): string {
    return join(this.dir, 'redis.sock');
  }

  /** A connection of the test's own. */
  get redis(): Redis {
    if (this.redisClient === undefined) {
      this.redisClient = new Redis(this.redisSocket);
      this.redisClient.on('error', () => {});
    }
    return this.redisClient;
  }

  async startRedis(args: string[] = []): Promise<Process> {
    const options = ['--port', '0', '--unixsocket', this.redisSocket, '--dir', this.dir, '--save', ''];
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
    const server = new Process('redis', 'redis-server', [...options, ...durable, ...args], {});
    this.processes.set('redis', server);
    await eventually('Redis answers', async () => (await this.redis.ping()) === 'PONG');
    return server;
  }

  /** `as` tells a second process of a service from the first: `standby`. */
  async startService(name: ServiceName, env: Environment = {}, as: string = name): Promise<Process> {
    const service = new Process(as, process.execPath, [...this.nodeArgs, `services/${name}/dist/main.js`], {
      ...this.env,
      ...env,
    });
    this.processes.set(as, service);
    await service.port();
    return service;
  }

  async startIngest(env: Environment = {}): Promise<Process> {
    const ingest = await this.startService('ingest', env);
    const port = await ingest.port();
    this.origin = `http://127.0.0.1:${port}`;
    return ingest;
  }

  process(name: string): Process {
    const found = this.processes.get(name);
    if (found === undefined) throw new Error(`no process ${name}`);
    return found;
  }

  async get(path: string, init: RequestInit = {}): Promise<Answer> {
    return answerOf(await fetch(`${this.origin}${path}`, init));
  }

  /** A signed delivery. `headers` may replace or, with an empty value, leave out what is sent by default. */
  async post(
    body: string | Buffer,
    headers: Record<string, string> = {},
    path = '/webhook',
  ): Promise<Answer> {
    const all = { 'content-type': 'application/json', ...signed(body), ...headers };
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
    const bytes = typeof body === 'string' ? body : new Uint8Array(body);
    return answerOf(await fetch(`${this.origin}${path}`, { method: 'POST', headers: sent, body: bytes }));
  }

  /** Value of one sample of `/metrics`, 0 when it is not there. */
  async metric(sample: string): Promise<number> {
    const { text } = await this.get('/metrics');
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${sample} `));
    return line === undefined ? 0 : Number(line.slice(sample.length + 1));
  }

  /** Rows of a query on a connection of its own, as arrays. */
  rows(sql: string): unknown[][] {
    const database = new Database(databaseFile(this.env['DATA_DIR'] as string), { readonly: true });
    try {
      return database.prepare(sql).raw().all() as unknown[][];
    } finally {
      database.close();
    }
  }

  async stored(count: number, timeoutMs = 60_000): Promise<void> {
    await eventually(
      `${count} messages are stored`,
      () => (this.rows('SELECT count(*) FROM messages')[0]?.[0] as number) >= count,
      timeoutMs,
    );
  }

  async stop(): Promise<void> {
    // ingest first, however many of it there are
    const names = [...this.processes.keys()].filter((name) => name !== 'redis');
    const isIngest = (name: string) => Number(name.startsWith('ingest'));
    for (const name of names.toSorted((a, b) => isIngest(b) - isIngest(a))) {
      const service = this.process(name);
      if (service.running) {
        service.child.kill('SIGCONT');
        await service.stop();
      }
    }
    this.redisClient?.disconnect();
    await this.processes.get('redis')?.stop('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }
}
