import type { Express } from 'express';
import { createApp, endApp, onlyMethods, requireOwnName, requireToken } from '@lyftr/shared/runtime/app';
import { ProblemError } from '@lyftr/shared/errors';
import type { Logger } from '@lyftr/shared/runtime/log';
import { sendMetrics } from '@lyftr/shared/runtime/metrics-page';
import type { Redis } from 'ioredis';
import type { Leader } from './lead.js';
import type { WriterMetrics } from './observe.js';
import { writeOff } from './write-off.js';

export interface WriterAppOptions {
  /** Undefined while another writer leads. */
  leader: () => Leader | undefined;
  /** `ok: ` and the leading writer. */
  leaseState: () => string;
  redis: Redis;
  /** `ok`, or the fault of Redis. */
  redisState: () => string;
  /** `ok`, or what an operator must change on this machine. */
  host: () => string;
  metrics: WriterMetrics;
  token: string | undefined;
  log: Logger;
}

/** The HTTP app of the writer. A standby reports ready, because it can take over. */
export function createWriterApp({
  leader,
  leaseState,
  redis,
  redisState,
  host,
  metrics,
  token,
  log,
}: WriterAppOptions): Express {
  const app = createApp({
    readiness: () => ({
      database: leader()?.databaseState() ?? 'ok',
      host: host(),
      redis: redisState(),
      queue: leader()?.queueState() ?? 'ok',
      lease: leaseState(),
    }),
  });
  if (token === undefined) app.use(['/metrics', '/dead-letters', '/ledger'], requireOwnName());
  app.get('/metrics/process', requireToken(token), async (req, res) => {
    const current = leader();
    const persisted = current && { outcomes: await current.store.outcomes(), indexLag: current.indexLag() };
    await sendMetrics(req, res, await metrics.families(persisted));
  });
  app.use('/metrics/process', onlyMethods('GET', 'HEAD'));
  function requireLeader(): Leader {
    const current = leader();
    if (current === undefined) throw new ProblemError('not-ready', 'This writer does not lead.');
    return current;
  }
  // only the writer changes the database
  app.delete('/dead-letters/:id', requireToken(token), async (req, res) => {
    const current = requireLeader();
    const id = Number(req.params.id);
    if (!Number.isSafeInteger(id) || !(await current.store.discard(id)))
      throw new ProblemError('not-found', 'No dead letter has this number.');
    res.status(204).end();
  });
  app.use('/dead-letters', onlyMethods('DELETE'));
  app.delete('/ledger/missing', requireToken(token), async (req, res) => {
    const difference = Number(req.query['difference'] ?? NaN);
    if (!Number.isSafeInteger(difference))
      throw new ProblemError('invalid-query', undefined, {
        errors: [{ path: 'difference', message: 'must be the difference shown by GET /ledger' }],
      });
    const { store, settled } = requireLeader();
    const answer = await writeOff(redis, store, settled, difference);
    log.warn({ ...answer }, 'missing messages were written off');
    res.json(answer);
  });
  app.use('/ledger', onlyMethods('DELETE'));
  endApp(app, log);
  return app;
}
