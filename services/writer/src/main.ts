import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { armCrash } from '@lyftr/shared/crash';
import { closeServer, createStrictServer, listen } from '@lyftr/shared/http';
import { createRegistry, newInstanceId, startPublisher } from '@lyftr/shared/metrics';
import { runService } from '@lyftr/shared/process';
import { patientRedis } from '@lyftr/shared/redis';
import { reachableUrl } from './address.js';
import { createWriterApp } from './app.js';
import { readConfig } from './config.js';
import { lead, type Leader } from './lead.js';
import { acquireLease } from './lease.js';
import { createWriterMetrics } from './observe.js';
import { createRedisTrouble } from './trouble.js';

const LOCKED_RETRY_MS = 250;

/**
 * Tries until nobody holds the database's write lock. A writer that was paused inside a transaction holds it until it
 * wakes or is ended; to give the lease back meanwhile would help nobody.
 */
async function unlocked<T>(open: () => T): Promise<T> {
  for (;;) {
    try {
      return open();
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
      await delay(LOCKED_RETRY_MS);
    }
  }
}

runService('writer', async (log) => {
  const config = readConfig();
  log.level = config.LOG_LEVEL;
  armCrash(config.CRASH_AT);
  // messages are private: files for the owner alone
  process.umask(0o077);
  mkdirSync(config.DATA_DIR, { recursive: true });

  const instance = newInstanceId();
  const redis = patientRedis(config.REDIS_URL);
  const trouble = createRedisTrouble(log);
  redis.on('error', trouble.note);
  const registry = createRegistry();
  const metrics = createWriterMetrics(registry);
  let leader: Leader | undefined;
  let lease = 'ok: no writer holds the lease yet';

  const app = createWriterApp({
    leader: () => leader,
    leaseState: () => lease,
    redis,
    redisState: () => trouble.refusal() ?? (redis.status === 'ready' ? 'ok' : 'Redis does not answer'),
    dataDir: config.DATA_DIR,
    metrics,
    token: config.API_TOKEN,
    log,
  });
  const server = createStrictServer(app);
  const port = await listen(server, config.WRITER_PORT, config.HOST);
  log.info({ port, instance }, 'listening');

  const closing = new AbortController();
  const leading = acquireLease(redis, instance, {
    trouble: trouble.note,
    standingBy: (holder) => (lease = `ok: ${holder} leads, this writer stands by`),
    log,
    signal: closing.signal,
  }).then(async (held) => {
    lease = 'ok: this writer leads';
    const replaced = (error: Error): void => {
      // the next start is a standby; what this one had in hand is the other writer's now
      log.fatal({ err: error }, 'replaced by another writer');
      process.exit(1);
    };
    leader = await unlocked(() =>
      lead({
        dataDir: config.DATA_DIR,
        instance,
        redis,
        lease: held,
        metrics,
        retentionDays: config.RETENTION_DAYS,
        replaced,
        trouble: trouble.note,
        log,
      }),
    );
  });
  leading.catch((error: unknown) => {
    if (closing.signal.aborted) return;
    log.fatal({ err: error }, 'the database cannot be opened');
    process.exit(1);
  });
  const publisher = startPublisher({
    redis,
    registry,
    service: 'writer',
    instance,
    url: reachableUrl(config.HOST, port, config.WRITER_URL),
  });

  return {
    unfinished: () => `${leader?.inHand() ?? 0} jobs in hand; they are the next writer's`,
    async close() {
      closing.abort(new Error('closing'));
      await leading.catch(() => {});
      // the queue first: everything in hand is stored before the process that could say so is gone
      await leader?.close();
      await publisher.stop();
      redis.disconnect();
      await closeServer(server);
    },
  };
});
