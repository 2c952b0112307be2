import type { MessageTuple } from '@lyftr/shared/batch';
import { createEnvelope, jobName, type Envelope } from '@lyftr/queue/envelope';
import { JOB_OPTIONS, QUEUE_NAME, QUEUE_PREFIX } from '@lyftr/queue/options';
import { eventually, System } from '@lyftr/test/system';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { measureCeiling } from './ceiling.js';
import { startOurs, type Benchmark } from './context.js';
import { bodyOf } from './requests.js';
import { compared, measured, type Row } from './results.js';
import { wrk } from './wrk.js';

const BACKLOG = 1_000_000;
/** What a job holds at 256 connections. */
const JOB_MESSAGES = 115;

function tupleOf(index: number): MessageTuple {
  const { message_id, from, to, ts, text } = JSON.parse(bodyOf(index)) as Record<string, string>;
  return [message_id ?? '', from ?? '', to ?? '', Number(ts), text ?? ''];
}

/** A queue that holds the backlog, in jobs as ingest makes them. */
async function fill(system: System): Promise<void> {
  const connection = new Redis(system.redisSocket, { maxRetriesPerRequest: null });
  const queue = new Queue<Envelope>(QUEUE_NAME, {
    connection,
    prefix: QUEUE_PREFIX,
    streams: { events: { maxLen: 1 } },
  });
  // the disk is what is measured later, not here
  await system.redis.config('SET', 'appendfsync', 'no');
  for (let first = 0; first < BACKLOG;) {
    const adding: Promise<unknown>[] = [];
    for (let i = 0; i < 50 && first < BACKLOG; i++, first += JOB_MESSAGES) {
      const messages = Array.from({ length: Math.min(JOB_MESSAGES, BACKLOG - first) }, (_, j) =>
        tupleOf(first + j),
      );
      const range: [number, number] = [first + 1, first + messages.length];
      adding.push(
        queue.add(
          jobName('bench', range),
          createEnvelope({ producer: 'bench', range }, Date.now(), messages),
          JOB_OPTIONS,
        ),
      );
    }
    await Promise.all(adding);
  }
  await system.redis.config('SET', 'appendfsync', 'always');
  await queue.close();
  connection.disconnect();
}

async function drainRate(): Promise<number> {
  const system = new System({ NODE_ENV: 'production' });
  try {
    await system.startRedis();
    await fill(system);
    await system.startService('writer');
    const startedAt = performance.now();
    const count = () => system.rows("SELECT value FROM counters WHERE name = 'created'")[0]?.[0] as number;
    await eventually('the backlog is stored', () => count() >= BACKLOG, 300_000);
    return BACKLOG / ((performance.now() - startedAt) / 1_000);
  } finally {
    await system.stop();
  }
}

/** The writer against a loop that inserts the same rows from memory; and what a waiting message costs in Redis. */
export const backlog: Benchmark = {
  name: '6-backlog',
  title: 'A backlog of 1,000,000 messages',
  async run(context) {
    const pairs: { ours: number; peer: number }[] = [];
    const rounds = Math.min(context.rounds, 3);
    for (let round = 0; round < rounds; round++) {
      const peer = measureCeiling(context.dir, BACKLOG);
      const ours = await drainRate();
      pairs.push({ ours, peer });
      context.say(`stored/s: the writer ${Math.round(ours)}, better-sqlite3 from memory ${Math.round(peer)}`);
    }
    const rows: Row[] = [
      compared('stored/s', 'better-sqlite3, transactions of 500 from memory', pairs, { atLeast: 0.7 }),
    ];

    const bytes: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const system = await startOurs();
      try {
        await system.process('writer').stop();
        const before = await usedMemory(system);
        const { requests } = await wrk(system.origin, context.singles, {
          connections: 64,
          seconds: context.seconds,
        });
        bytes.push(((await usedMemory(system)) - before) / requests);
      } finally {
        await system.stop();
      }
      context.say(`bytes of Redis per waiting message: ${bytes.at(-1)?.toFixed(1)}`);
    }
    rows.push(
      measured('bytes of Redis per waiting message of 142 bytes, 64 connections', bytes, { atMost: 230 }),
    );
    return rows;
  },
};

async function usedMemory(system: System): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await system.redis.info('memory'))?.[1]);
}
