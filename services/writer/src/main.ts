import { mkdirSync } from 'node:fs';
import { armCrash } from '@lyftr/shared/runtime/crash';
import { diskFull } from '@lyftr/shared/runtime/disk-full';
import { closeServer, createStrictServer, listen } from '@lyftr/shared/runtime/http';
import { createRegistry } from '@lyftr/shared/runtime/metrics';
import { newInstanceId } from '@lyftr/shared/runtime/instance';
import { startPublisher } from '@lyftr/shared/runtime/publisher';
import { runService } from '@lyftr/shared/runtime/process';
import { patientRedis } from '@lyftr/shared/runtime/redis';
import { hostState } from '@lyftr/store/open';
import { openSources } from '@lyftr/sources/current';
import { reachableUrl } from './address.js';
import { createWriterApp } from './app.js';
import { keysEnvironment, readConfig } from './config.js';
import { lead, type Leader } from './lead.js';
import { acquireLease } from './lease.js';
import { createWriterMetrics } from './observe.js';
import { createRedisTrouble } from './trouble.js';

runService('writer', async (log) => {
  const config = readConfig();
  log.level = config.LOG_LEVEL;
  armCrash(config.CRASH_AT);
  // messages are private: only the owner may read the files
  process.umask(0o077);
  mkdirSync(config.DATA_DIR, { recursive: true });

  const instance = newInstanceId();
  const redis = patientRedis(config.REDIS_URL);
  const trouble = createRedisTrouble(log);
  redis.on('error', trouble.note);
  const registry = createRegistry();
  const metrics = createWriterMetrics(registry);
  const sources = openSources({ file: config.SOURCES_FILE, env: keysEnvironment(), registry, log });
  let leader: Leader | undefined;
  let lease = 'ok: no writer holds the lease yet';

  const app = createWriterApp({
    leader: () => leader,
    leaseState: () => lease,
    redis,
    redisState: () => trouble.refusal() ?? (redis.status === 'ready' ? 'ok' : 'Redis is not responding'),
    host: () => hostState(config),
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
    standingBy: (holder) => (lease = `ok: this writer is the standby of ${holder}`),
    log,
    signal: closing.signal,
  }).then(async (held) => {
    lease = 'ok: this writer leads';
    const replaced = (error: Error): void => {
      // after a restart this process is the standby; the other writer processes its jobs
      log.fatal({ err: error }, 'replaced by another writer');
      process.exit(1);
    };
    leader = await lead({
      storeSettings: config,
      instance,
      redis,
      lease: held,
      metrics,
      sources: () => sources.get(),
      retentionDays: config.RETENTION_DAYS,
      replaced,
      trouble: trouble.note,
      log,
    });
  });
  leading.catch((error: unknown) => {
    if (closing.signal.aborted) return;
    const full = diskFull(error, config.DATA_DIR);
    if (full !== undefined) log.fatal(`could not open the database: ${full}`);
    else log.fatal({ err: error }, 'could not open the database');
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
    reload: () => sources.reload(),
    unfinished: () => `${leader?.inHand() ?? 0} jobs in hand; the next writer processes them`,
    async close() {
      closing.abort(new Error('closing'));
      await leading.catch(() => {});
      // close the leader first, so that the fetched jobs are stored while health and metrics are still served
      await leader?.close();
      await publisher.stop();
      redis.disconnect();
      await closeServer(server);
    },
  };
});
