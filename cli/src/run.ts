/** One run of `lyftr up`, from the start of the first process to the end of the last. */
import { rmSync } from 'node:fs';
import { styleText } from 'node:util';
import { SHUTDOWN_GRACE_MS } from '@lyftr/shared/limits';
import { diskFull } from '@lyftr/shared/runtime/disk-full';
import { EXIT_SETTINGS } from '@lyftr/shared/runtime/process';
import { hosts, serviceSpecs, STOP_ORDER } from './children.js';
import type { PortSetting, UpConfig } from './config.js';
import { Ending } from './ending.js';
import { portTaken, tryPorts, type Ports } from './ports.js';
import { allReady } from './ready.js';
import { endLeftoverRedis, findRedisServer, redisFault, redisLine, redisReady, redisSpec } from './redis.js';
import { parseRecord, type Screen } from './screen.js';
import { keptSecret, secretFile } from './secret.js';
import { redisSocket } from './socket-path.js';
import { describeExit, supervise, type ChildSpec, type Exit, type Supervised } from './supervise.js';
import { displayHost, firstScreen } from './welcome.js';

/** A child has its own grace period. We kill it only after that. */
const STOP_GRACE_MS = SHUTDOWN_GRACE_MS + 2_000;
const READY_PATIENCE_MS = 30_000;
const REDIS_URL_PATIENCE_MS = 5_000;
/** Number of kept output lines of Redis. They show why it exited. */
const REDIS_LINES_KEPT = 10;

const PORT_OF: Record<string, PortSetting> = { ingest: 'PORT', query: 'QUERY_PORT', writer: 'WRITER_PORT' };

export class Run {
  readonly #config: UpConfig;
  readonly #screen: Screen;
  readonly #children: Supervised[] = [];
  readonly #ending = new Ending();
  /** Resolves with the exit code when a person does not want to wait for the end. */
  readonly #cutOff: Promise<number>;
  #isReady = false;

  /** Watches signals from now on. */
  constructor(config: UpConfig, screen: Screen) {
    this.#config = config;
    this.#screen = screen;
    this.#cutOff = new Promise((resolve) => {
      this.#ending.watchSignals(
        (signal) =>
          screen.event('info', 'draining; a second signal stops everything at once', { reason: signal }),
        () => resolve(this.#kill()),
      );
    });
  }

  async toItsEnd(leftBehind: boolean): Promise<number> {
    const starting = this.#start(leftBehind).catch((error: unknown) => this.#startFailed(error));
    const drained = this.#ending.begun.then(async (reason) => {
      await starting;
      if (reason.message !== undefined) this.#screen.event('fatal', reason.message);
      const clean = await this.#stop();
      return clean ? reason.exitCode : reason.exitCode || 1;
    });
    const exitCode = await Promise.race([drained, this.#cutOff]);
    // a killed Redis leaves its socket; if we did not start our own, an earlier Redis may still use it
    if (this.#children.some(({ name }) => name === 'redis'))
      rmSync(redisSocket(this.#config.DATA_DIR), { force: true });
    return exitCode;
  }

  async #start(leftBehind: boolean): Promise<void> {
    const { signal } = this.#ending;
    signal.throwIfAborted();
    const redis = this.#config.ownRedis ? this.#planRedis() : undefined;
    const secret = this.#config.WEBHOOK_SECRET ?? keptSecret(this.#config.DATA_DIR);

    // services of a killed `lyftr up` are draining, and still need their Redis and their ports
    if (leftBehind)
      this.#screen.event('info', 'the earlier run was killed; waiting for its processes to stop');
    const wanted = this.#config;
    const ports = await tryPorts(
      { PORT: wanted.PORT, QUERY_PORT: wanted.QUERY_PORT, WRITER_PORT: wanted.WRITER_PORT },
      hosts(this.#config),
      leftBehind ? STOP_GRACE_MS : 0,
    );
    signal.throwIfAborted();

    if (redis !== undefined) {
      await endLeftoverRedis(redis.socket);
      signal.throwIfAborted();
      this.#run(redis.spec);
      await redisReady(redis.url, signal, () => this.#screen.event('info', 'redis is loading its data'));
    } else void this.#tellWhenRedisIsAway();

    const redisUrl = redis?.url ?? this.#config.REDIS_URL;
    const specs = serviceSpecs(this.#config, ports, { redisUrl, secret });
    for (const spec of specs) this.#run(spec);
    await allReady(
      specs.map(({ name, readyUrl }) => ({ name, url: readyUrl })),
      READY_PATIENCE_MS,
      signal,
      (name, state) => this.#screen.event('warn', `${name} is not ready: ${state}`),
    );
    this.#isReady = true;
    this.#welcome(ports, secret);
  }

  #planRedis(): { spec: ChildSpec; socket: string; url: string } {
    const command = findRedisServer(this.#config.searchPath);
    if (command === undefined) throw new Error('redis-server is not installed (or set REDIS_URL)');
    const socket = redisSocket(this.#config.DATA_DIR);
    const spec = redisSpec(command, this.#config.DATA_DIR, socket, STOP_GRACE_MS, this.#config.env);
    return { spec, socket, url: `unix://${socket}` };
  }

  /** The services start anyway. They recover by themselves, and refuse deliveries until then. */
  async #tellWhenRedisIsAway(): Promise<void> {
    const fault = await redisFault(this.#config.REDIS_URL, REDIS_URL_PATIENCE_MS, this.#ending.signal);
    if (fault === undefined || this.#ending.signal.aborted) return;
    this.#screen.event('warn', `the Redis of REDIS_URL is not ready (${fault}); the services keep trying`);
  }

  #run(spec: ChildSpec): void {
    const { name } = spec;
    let refusedPort: number | undefined;
    const redisSaid: string[] = [];
    const child = supervise(spec, {
      line: (line, output, pid) => {
        if (name === 'redis') {
          const { level, msg } = redisLine(line);
          if (msg.trim() !== '') redisSaid.push(msg);
          if (redisSaid.length > REDIS_LINES_KEPT) redisSaid.shift();
          this.#screen.event(level, msg, { service: name, pid });
          return;
        }
        this.#screen.childLine(name, line, output, pid);
        const record = this.#isReady ? undefined : parseRecord(line);
        if (record?.['level'] === 'fatal' && typeof record['port'] === 'number') refusedPort = record['port'];
      },
      ended: (exit, restartMs) => this.#childEnded(name, exit, restartMs, refusedPort, redisSaid.splice(0)),
    });
    this.#children.push(child);
  }

  #childEnded(
    name: string,
    exit: Exit,
    restartMs: number | undefined,
    refusedPort: number | undefined,
    redisSaid: readonly string[],
  ): void {
    const how = describeExit(exit);
    const setting = PORT_OF[name];
    if (restartMs === undefined)
      this.#ending.begin({ exitCode: EXIT_SETTINGS, message: `${name} has invalid settings` });
    else if (!this.#isReady && refusedPort !== undefined && setting !== undefined)
      this.#ending.begin({ exitCode: 1, message: portTaken(setting, refusedPort).message });
    else if (!this.#isReady && name === 'redis' && exit.signal === null)
      this.#ending.begin({ exitCode: 1, message: this.#whyNoRedis(how, redisSaid) });
    else this.#screen.event('warn', `${name} exited (${how}); starting it again`, { inMs: restartMs });
  }

  #whyNoRedis(how: string, said: readonly string[]): string {
    const full = said.map((line) => diskFull(line, this.#config.DATA_DIR)).find(Boolean);
    if (full !== undefined) return `redis-server could not start: ${full}`;
    const last = said.at(-1);
    return `redis-server could not start (${how})${last === undefined ? '' : `: ${last}`}`;
  }

  #startFailed(error: unknown): void {
    if (this.#ending.signal.aborted) return;
    const message = error instanceof Error ? error.message : String(error);
    this.#ending.begin({ exitCode: 1, message: diskFull(error, this.#config.DATA_DIR) ?? message });
  }

  #welcome(ports: Ports, secret: string): void {
    const { HOST, DATA_DIR, API_TOKEN, WEBHOOK_SECRET, isTty, color } = this.#config;
    const url = `http://${displayHost(HOST)}:${ports.PORT}`;
    if (!isTty) {
      this.#screen.event('info', 'ready', { url });
      return;
    }
    const welcome = {
      url,
      dataDir: DATA_DIR,
      secret,
      secretFile: WEBHOOK_SECRET === undefined ? secretFile(DATA_DIR) : undefined,
      apiToken: API_TOKEN,
    };
    const bold = (text: string): string => (color ? styleText('bold', text) : text);
    this.#screen.text(firstScreen(welcome, bold, Math.floor(Date.now() / 1_000)));
  }

  /** Resolves with true when every child exited with code 0. */
  async #stop(): Promise<boolean> {
    let clean = true;
    for (const names of STOP_ORDER) {
      const group = this.#children.filter(({ name }) => names.includes(name));
      const results = await Promise.all(group.map((child) => child.stop(STOP_GRACE_MS)));
      clean &&= results.every(Boolean);
    }
    return clean;
  }

  async #kill(): Promise<number> {
    this.#screen.event('warn', 'stopping at once; unfinished work is cut off');
    await Promise.all(this.#children.map((child) => child.kill()));
    return 1;
  }
}
