import { closeServer, createStrictServer, listen } from '@lyftr/shared/runtime/http';
import { rateLimited } from '@lyftr/shared/runtime/log';
import { createRegistry } from '@lyftr/shared/runtime/metrics';
import { newInstanceId } from '@lyftr/shared/runtime/instance';
import { startPublisher } from '@lyftr/shared/runtime/publisher';
import { runService } from '@lyftr/shared/runtime/process';
import { failFastRedis } from '@lyftr/shared/runtime/redis';
import { openReadStore } from '@lyftr/store/open';
import { createQueryListener } from './app.js';
import { readConfig } from './config.js';
import { createConsole } from './routes/console.js';
import { startReaper } from './system/gone.js';
import { createLookout } from './system/look.js';
import { createMetrics } from './system/metrics.js';

/**
 * A scrape makes two round trips to Redis, and answers within a second even when Redis hangs in the second of them.
 */
const REDIS_TIMEOUT_MS = 400;

runService('query', async (log) => {
  const config = readConfig();
  log.level = config.LOG_LEVEL;

  // neither has to be there yet: reads need the database only, and wait for it with 503
  const store = openReadStore(config, config.SEARCH_TIMEOUT_MS);
  const redis = failFastRedis(config.REDIS_URL, REDIS_TIMEOUT_MS);
  const redisFailed = rateLimited(10_000, (suppressed, error: Error) => {
    log.warn({ err: error, suppressed }, 'Redis is away: reads go on, metrics lack what comes from it');
  });
  redis.on('error', redisFailed);

  const registry = createRegistry();
  const instance = newInstanceId();
  const lookout = createLookout(redis, store, (error) => {
    // a connection that is not there has its own line, which says why
    if (redis.status === 'ready') redisFailed(error);
  });
  const metrics = createMetrics({ lookout, registry, instance });
  const console = createConsole({
    store,
    redis,
    lookout,
    token: config.API_TOKEN,
    anonymousReads: config.ALLOW_ANONYMOUS_READS,
    intake: config.intake,
    queuesWritable: config.QUEUES_WRITABLE,
    log,
  });
  const listener = createQueryListener({
    store,
    redis,
    metrics,
    registry,
    console,
    trustedProxies: config.TRUSTED_PROXIES,
    log,
  });
  const server = createStrictServer(listener);
  const port = await listen(server, config.QUERY_PORT, config.HOST);
  const publisher = startPublisher({ redis, registry, service: 'query', instance });
  const reaper = startReaper(redis);
  log.info({ host: config.HOST, port, instance }, 'listening');

  return {
    unfinished: () => 'answers to readers',
    async close() {
      // a stream has no end of its own
      console.live.close();
      await closeServer(server);
      await reaper.stop();
      await publisher.stop();
      redis.disconnect();
      await store.close();
    },
  };
});
