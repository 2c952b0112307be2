import { closeServer, createStrictServer, listen } from '@lyftr/shared/runtime/http';
import { rateLimited } from '@lyftr/shared/runtime/log';
import { createRegistry } from '@lyftr/shared/runtime/metrics';
import { newInstanceId } from '@lyftr/shared/runtime/instance';
import { startPublisher } from '@lyftr/shared/runtime/publisher';
import { runService } from '@lyftr/shared/runtime/process';
import { failFastRedis } from '@lyftr/shared/runtime/redis';
import { openReadStore } from '@lyftr/store/open';
import { openSources } from '@lyftr/sources/current';
import { createQueryListener } from './app.js';
import { keysEnvironment, readConfig } from './config.js';
import { createConsole } from './routes/console.js';
import { startReaper } from './system/retired.js';
import { createLookout } from './system/look.js';
import { createMetrics } from './system/metrics.js';

/**
 * A scrape makes two round trips to Redis. With this limit it takes less than a second even when Redis hangs in the
 * second one.
 */
const REDIS_TIMEOUT_MS = 400;

runService('query', async (log) => {
  const config = readConfig();
  log.level = config.LOG_LEVEL;

  // neither needs to exist yet; until the database does, reads are answered 503
  const store = openReadStore(config, config.SEARCH_TIMEOUT_MS);
  const redis = failFastRedis(config.REDIS_URL, REDIS_TIMEOUT_MS);
  const redisFailed = rateLimited(10_000, (suppressed, error: Error) => {
    log.warn(
      { err: error, suppressed },
      'Redis is not responding: reads still work, metrics lack the figures from Redis',
    );
  });
  redis.on('error', redisFailed);

  const registry = createRegistry();
  const instance = newInstanceId();
  const sources = openSources({ file: config.SOURCES_FILE, env: keysEnvironment(), registry, log });
  const lookout = createLookout(redis, store, (error) => {
    // a lost connection has its own log line
    if (redis.status === 'ready') redisFailed(error);
  });
  const metrics = createMetrics({ lookout, registry, instance });
  const console = createConsole({
    store,
    redis,
    sources,
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
    sources,
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
    reload: () => sources.reload(),
    unfinished: () => 'responses to readers',
    async close() {
      // streams never end by themselves
      console.live.close();
      await closeServer(server);
      await reaper.stop();
      await publisher.stop();
      redis.disconnect();
      await store.close();
    },
  };
});
