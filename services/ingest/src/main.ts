import cluster from 'node:cluster';
import { armCrash } from '@lyftr/shared/runtime/crash';
import { closeServer, listen } from '@lyftr/shared/runtime/http';
import { UNVERIFIED_BYTES_MAX } from '@lyftr/shared/limits';
import type { Logger } from '@lyftr/shared/runtime/log';
import { createRegistry, gauge } from '@lyftr/shared/runtime/metrics';
import { newInstanceId } from '@lyftr/shared/runtime/instance';
import { startPublisher } from '@lyftr/shared/runtime/publisher';
import { runService, type Running } from '@lyftr/shared/runtime/process';
import { createIngestServer } from './app.js';
import { openSources } from '@lyftr/sources/current';
import { builtInSource } from '@lyftr/sources/open';
import { createUnverified } from './body.js';
import { runCluster } from './cluster.js';
import { createCoalescer } from './coalesce.js';
import { keysEnvironment, readConfig, type IngestConfig } from './config.js';
import { createEnqueuer } from '@lyftr/queue/enqueue';
import { installFastPath } from './fast-path.js';
import { createForwarder } from './forward.js';
import { createKeysUsed } from './keys-used.js';
import { createLives } from '@lyftr/queue/lives';
import { createIntakeMetrics } from './observe.js';
import { createRejects, writeReject } from './rejects.js';
import { watchRoom } from '@lyftr/queue/room';
import { Registry } from 'prom-client';

/** Without Redis ingest listens all the same: it has 503 and `/readyz` to give. */
const READY_PATIENCE_MS = 1_000;

async function startIntake(config: IngestConfig, log: Logger): Promise<Running> {
  const instance = newInstanceId();
  const registry = createRegistry();
  const sources = openSources({ file: config.SOURCES_FILE, env: keysEnvironment(), registry, log });
  const lives = createLives(instance);
  const enqueuer = createEnqueuer({
    redisUrl: config.REDIS_URL,
    fsync: config.REDIS_FSYNC,
    lives,
    log,
  });
  gauge(registry, 'redis_fsync_always').set(config.REDIS_FSYNC === 'always' ? 1 : 0);
  const room = watchRoom(enqueuer.redis, config.QUEUE_HIGH_WATER, log);
  const coalescer = createCoalescer((messages, trace) => enqueuer.enqueue(messages, trace));

  const bytesMax = config.MAX_BODY_BYTES;
  const unverified = createUnverified(UNVERIFIED_BYTES_MAX);
  const keysUsed = createKeysUsed(enqueuer.redis);
  const forwarder =
    config.QUERY_URL === undefined ? undefined : createForwarder(config.QUERY_URL, unverified, log);
  const { server, routes } = createIngestServer({
    bytesMax,
    unverified,
    builtIn: builtInSource(config.WEBHOOK_SECRET, config.WEBHOOK_SECRET_PREVIOUS),
    sources: () => sources.get(),
    full: () => room.full(),
    coalescer,
    metrics: createIntakeMetrics(registry, log),
    rejects: createRejects({
      sources: () => [...sources.get().byName.values()],
      write: (reject) => writeReject(enqueuer.redis, reject),
    }),
    keysUsed,
    redisState: () => enqueuer.probeWrite(),
    registry,
    token: config.API_TOKEN,
    forward: forwarder?.forward,
    log,
  });
  const fastPath = installFastPath(server, { intakes: routes.intakes, bytesMax, unverified });
  const publisher = startPublisher({
    redis: enqueuer.redis,
    registry,
    service: 'ingest',
    instance,
    more: lives,
  });
  // a process that joins others behind one port must not answer 503 while they answer 200
  await enqueuer.whenReady(READY_PATIENCE_MS);
  const port = await listen(server, config.PORT, config.HOST);
  log.info({ port, instance }, 'listening');

  return {
    reload() {
      sources.reload();
      routes.reload();
    },
    unfinished: () => `${coalescer.pendingBytes()} bytes of unanswered deliveries`,
    async close() {
      forwarder?.endStreams();
      // running requests are answered before the server has closed, so everything offered is acknowledged or refused
      await closeServer(server, () => fastPath.closeIdle());
      await coalescer.idle();
      room.stop();
      await keysUsed.stop();
      await publisher.stop();
      await enqueuer.close();
    },
  };
}

runService('ingest', async (log) => {
  const config = readConfig();
  log.level = config.LOG_LEVEL;
  armCrash(config.CRASH_AT);
  if (!cluster.isPrimary || config.INGEST_PROCESSES === 1) return startIntake(config, log);
  // every process reads the sources file: its faults are told once, before there are others
  openSources({ file: config.SOURCES_FILE, env: keysEnvironment(), registry: new Registry(), log });
  return runCluster(config.INGEST_PROCESSES, log);
});
