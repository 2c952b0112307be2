import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { eventually, Process, SECRET, System } from '@lyftr/test/system';
import { drained, startOurs, type Benchmark, type Context } from './context.js';
import { compared, measured, type Row } from './results.js';
import { wrk } from './wrk.js';

const DIST = fileURLToPath(new URL('.', import.meta.url));
const PEERS = fileURLToPath(new URL('../peers', import.meta.url));
const CONNECTIONS = 64;

function rowsIn(file: string): number {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare('SELECT count(*) FROM messages').pluck().get() as number;
  } finally {
    database.close();
  }
}

/** Messages per second from the first request to the moment at which the last acknowledged one is a row. */
async function rate(
  context: Context,
  origin: string,
  stored: () => number | Promise<number>,
): Promise<number> {
  const startedAt = performance.now();
  const { requests, refused } = await wrk(origin, context.singles, {
    connections: CONNECTIONS,
    seconds: context.seconds,
  });
  const acknowledged = requests - refused;
  await eventually('everything is stored', async () => (await stored()) >= acknowledged, 600_000);
  return acknowledged / ((performance.now() - startedAt) / 1_000);
}

async function ours(context: Context): Promise<number> {
  const system = await startOurs();
  try {
    return await rate(
      context,
      system.origin,
      () => system.rows('SELECT count(*) FROM messages')[0]?.[0] as number,
    );
  } finally {
    await system.stop();
  }
}

async function guide(context: Context): Promise<number> {
  const system = new System();
  const processes: Process[] = [];
  try {
    await system.startRedis();
    const file = join(system.dir, 'guide.db');
    const env = {
      REDIS_SOCKET: system.redisSocket,
      DATABASE: file,
      WEBHOOK_SECRET: SECRET,
      NODE_ENV: 'production',
    };
    const worker = new Process('worker', process.execPath, [join(DIST, 'peers/guide.js')], {
      ...env,
      ROLE: 'worker',
    });
    processes.push(worker);
    await worker.port();
    const server = new Process('server', process.execPath, [join(DIST, 'peers/guide.js')], env);
    processes.push(server);
    return await rate(context, `http://127.0.0.1:${await server.port()}`, () => rowsIn(file));
  } finally {
    for (const each of processes) await each.stop('SIGKILL');
    await system.stop();
  }
}

async function fastapi(context: Context): Promise<number> {
  const dir = mkdtempSync(join(context.dir, 'fastapi-'));
  const file = join(dir, 'fastapi.db');
  const port = '18573';
  const args = [
    '-m',
    'uvicorn',
    '--app-dir',
    PEERS,
    'fastapi_app:app',
    '--port',
    port,
    '--no-access-log',
    '--log-level',
    'warning',
  ];
  const server = new Process('fastapi', '/usr/bin/python3', args, { WEBHOOK_SECRET: SECRET, DATABASE: file });
  try {
    const origin = `http://127.0.0.1:${port}`;
    await eventually('uvicorn listens', async () => (await fetch(`${origin}/openapi.json`)).ok);
    return await rate(context, origin, () => rowsIn(file));
  } finally {
    await server.stop('SIGKILL');
    rmSync(dir, { recursive: true });
  }
}

/** Acknowledged and stored per second, against two ways that store the same messages. */
export const stored: Benchmark = {
  name: '2-stored',
  title: 'Acknowledged and stored per second, 64 connections',
  async run(context) {
    const hasFastapi = spawnSync('/usr/bin/python3', ['-c', 'import fastapi, uvicorn']).status === 0;
    if (!hasFastapi) context.say('peer (c) is left out: install python3-fastapi and uvicorn');
    const rounds: { ours: number; guide: number; fastapi: number | undefined }[] = [];
    for (let round = 0; round < context.rounds; round++) {
      const result = {
        ours: await ours(context),
        guide: await guide(context),
        fastapi: hasFastapi ? await fastapi(context) : undefined,
      };
      context.say(
        `stored/s: ours ${Math.round(result.ours)}, guide ${Math.round(result.guide)}, FastAPI ${Math.round(result.fastapi ?? 0)}`,
      );
      rounds.push(result);
    }
    const figure = 'acknowledged and stored/s';
    const pairs = (peer: 'guide' | 'fastapi') =>
      rounds.map((round) => ({ ours: round.ours, peer: round[peer] ?? NaN }));
    const rows: Row[] = [
      compared(figure, 'Express, one job and one insert a message', pairs('guide'), { atLeast: 8 }),
    ];
    if (hasFastapi)
      rows.push(compared(figure, 'FastAPI, one transaction a request', pairs('fastapi'), { atLeast: 5 }));
    return rows;
  },
};

/** After half a minute at full load: how long until the last acknowledged message is a row? */
export const settle: Benchmark = {
  name: '3-settle',
  title: 'Stored after 30 s at full load',
  async run(context) {
    const system = await startOurs();
    try {
      await wrk(system.origin, context.singles, { connections: 256, seconds: 30 });
      const startedAt = performance.now();
      await drained(system, 120_000);
      const seconds = (performance.now() - startedAt) / 1_000;
      const lag = await system.metric('index_lag_messages');
      context.say(`drained after ${seconds.toFixed(2)} s; the text index is ${lag} messages behind`);
      return [
        measured('s from the last acknowledgement until everything is stored', [seconds], { atMost: 2 }),
        measured('messages that the text index is behind at that moment', [lag], { atMost: 1_100_000 }),
      ];
    } finally {
      await system.stop();
    }
  },
};
