/** A whole Lyftr with a hot standby, a proxy in front of Redis for each service that writes to it, and a supervisor. */
import { setTimeout as delay } from 'node:timers/promises';
import { eventually, System, type Environment, type Process } from '../system.js';
import { startProxy, type RedisProxy } from './proxy.js';

const WRITERS = ['writer', 'standby'] as const;
const PROXIED = ['ingest', ...WRITERS] as const;
const ROLES = ['redis', 'query', ...PROXIED] as const;
type Role = (typeof ROLES)[number];

/** What `docker compose` or systemd would wait before they start a dead process again. */
const RESTART_MS = 100;
const UP_TIMEOUT_MS = 30_000;

/** A writer says so when the lease is its own, and ends when it has lost it. */
const isActive = (writer: Process): boolean =>
  writer.running && writer.logged('storing messages') !== undefined;

export class Cluster {
  readonly system: System;
  readonly proxies = new Map<(typeof PROXIED)[number], RedisProxy>();
  /** Lives that the supervisor began, beyond the first of each process. */
  restarts = 0;
  private supervising = false;

  private constructor(env: Environment) {
    this.system = new System(env);
  }

  /** Two writers, the first of them active. Nothing is restarted until `supervise` is called. */
  static async start(env: Environment = {}): Promise<Cluster> {
    const cluster = new Cluster(env);
    try {
      await cluster.begin();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  private async begin(): Promise<void> {
    const { system, proxies } = this;
    await system.startRedis();
    for (const role of PROXIED) proxies.set(role, await startProxy(system.redisSocket));
    const query = await this.spawn('query');
    system.env['QUERY_PORT'] = String(await query.port());
    system.env['QUERY_URL'] = `http://127.0.0.1:${system.env['QUERY_PORT']}`;
    await this.spawn('writer');
    await eventually('the writer is active', () => isActive(system.process('writer')));
    await this.spawn('standby');
    const ingest = await this.spawn('ingest');
    system.env['PORT'] = String(await ingest.port());
    system.origin = `http://127.0.0.1:${system.env['PORT']}`;
    await eventually('the system is ready', async () => (await system.get('/stats')).status === 200);
  }

  private async spawn(role: Role): Promise<Process> {
    if (role === 'redis') return this.system.startRedis();
    const proxy = this.proxies.get(role as (typeof PROXIED)[number]);
    const env = proxy === undefined ? {} : { REDIS_URL: proxy.url };
    return this.system.startService(role === 'standby' ? 'writer' : role, env, role);
  }

  /** From here on whatever ends is started again. */
  supervise(): void {
    this.supervising = true;
    for (const role of ROLES) void this.keepAlive(role);
  }

  private async keepAlive(role: Role): Promise<void> {
    for (;;) {
      await this.system.process(role).ended;
      await delay(RESTART_MS);
      if (!this.supervising) return;
      this.restarts++;
      // it may end before it listens; that is another end, and not an error of ours
      this.spawn(role).catch(() => {});
    }
  }

  /** The process of that role once it runs and listens. */
  up(role: Role): Promise<Process> {
    const ready = (candidate: Process): boolean =>
      candidate.running && (role === 'redis' || candidate.logged('listening') !== undefined);
    return eventually(
      `${role} is up`,
      () => {
        const candidate = this.system.process(role);
        return ready(candidate) && candidate;
      },
      UP_TIMEOUT_MS,
    );
  }

  /** The writer that holds the lease. */
  active(timeoutMs = UP_TIMEOUT_MS): Promise<Process> {
    return eventually(
      'a writer is active',
      () => WRITERS.map((role) => this.system.process(role)).find(isActive),
      timeoutMs,
    );
  }

  /** The writer that does not. */
  async standby(): Promise<Process> {
    const active = await this.active();
    return this.up(active.name === 'writer' ? 'standby' : 'writer');
  }

  /** Resolves when the queue is empty and everything that waited is stored. Throws at the deadline. */
  async drained(timeoutMs: number): Promise<void> {
    const { system } = this;
    await eventually(
      'the queue is drained',
      async () => {
        const { json } = await system.get('/ledger');
        const jobs = await Promise.all([
          system.redis.llen('lyftr:deliveries:wait'),
          system.redis.llen('lyftr:deliveries:active'),
        ]);
        return json?.waiting === 0 && jobs.every((count) => count === 0);
      },
      timeoutMs,
    );
  }

  async stop(): Promise<void> {
    this.supervising = false;
    for (const { child } of this.system.processes.values()) child.kill('SIGCONT');
    await this.system.stop();
    for (const proxy of this.proxies.values()) proxy.close();
  }
}
