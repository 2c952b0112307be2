import { mkdirSync } from 'node:fs';
import { createApp, endApp, onlyMethods, requireToken } from '@lyftr/shared/app';
import { databaseFile } from '@lyftr/shared/database';
import { closeServer, createStrictServer, listen } from '@lyftr/shared/http';
import { createRegistry, newInstanceId, SETTLED_KEY, startPublisher } from '@lyftr/shared/metrics';
import { runService } from '@lyftr/shared/process';
import { readConfig } from './config.js';
import { startConsumer } from './consume.js';
import { createGroup } from './group.js';
import { startIndexer } from './indexer.js';
import { createWriterMetrics } from './observe.js';
import { openStore } from './store.js';

runService('writer', async (log) => {
  const config = readConfig();
  log.level = config.LOG_LEVEL;
  // messages are private: files for the owner alone
  process.umask(0o077);
  mkdirSync(config.DATA_DIR, { recursive: true });

  const instance = newInstanceId();
  const registry = createRegistry();
  const store = openStore(databaseFile(config.DATA_DIR));
  const indexer = startIndexer(store.textIndex, log);
  const metrics = createWriterMetrics(
    registry,
    () => store.outcomes(),
    () => indexer.lag(),
  );
  const group = createGroup({
    commit: (batches) => store.commit(batches),
    committed(batches, outcomes) {
      metrics.committed(batches);
      indexer.notify(outcomes.created);
    },
    failed: (messages) => metrics.failed(messages),
    log,
  });
  const consumer = startConsumer(config.REDIS_URL, (batches) => group.store(batches), log);
  const publisher = startPublisher({
    redis: consumer.redis,
    registry,
    service: 'writer',
    instance,
    fields: () => store.settled().map(({ producer, settled }) => [SETTLED_KEY, producer, settled]),
  });

  const app = createApp({ readiness: () => ({ database: group.state(), redis: consumer.state() }) });
  app.get('/metrics', requireToken(config.API_TOKEN), async (_req, res) => {
    res
      .set('content-type', registry.contentType)
      .set('cache-control', 'no-store')
      .send(await metrics.page());
  });
  app.use('/metrics', onlyMethods('GET', 'HEAD'));
  endApp(app, log);
  const server = createStrictServer(app);
  const port = await listen(server, config.WRITER_PORT, config.HOST);
  log.info({ port, instance }, 'listening');

  return {
    async close() {
      // the queue first: everything in hand is stored before the process that could say so is gone
      await consumer.close();
      await publisher.stop();
      consumer.redis.disconnect();
      indexer.stop();
      store.close();
      await closeServer(server);
    },
  };
});
