import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { Logger } from '@lyftr/shared/runtime/log';
import type { Running } from '@lyftr/shared/runtime/process';

const RESTART_DELAY_MS = 100;
const RESTART_DELAY_MAX_MS = 5_000;
const HEALTHY_AFTER_MS = 10_000;

/**
 * Several ingest processes behind one port. The first process only accepts connections, hands them out, and
 * replaces a child that died. Rejects when the first child cannot start.
 */
export async function runCluster(processes: number, log: Logger): Promise<Running> {
  let closing = false;
  let isStarted = false;
  let restartDelayMs = RESTART_DELAY_MS;

  function fork(): Worker {
    const startedAt = performance.now();
    const worker = cluster.fork();
    worker.on('exit', (code, signal) => {
      if (closing || !isStarted) return;
      if (performance.now() - startedAt > HEALTHY_AFTER_MS) restartDelayMs = RESTART_DELAY_MS;
      log.warn({ code, signal, restartDelayMs }, 'an ingest process exited; starting another');
      setTimeout(() => {
        if (!closing) fork();
      }, restartDelayMs);
      restartDelayMs = Math.min(restartDelayMs * 2, RESTART_DELAY_MAX_MS);
    });
    return worker;
  }

  const workers = Array.from({ length: processes }, fork);
  // a port that is taken must end the start-up, not begin a restart loop
  const started = new AbortController();
  await Promise.race([
    Promise.all(workers.map((worker) => once(worker, 'listening'))),
    ...workers.map(async (worker) => {
      const [code] = await once(worker, 'exit', { signal: started.signal });
      closing = true;
      process.exit(typeof code === 'number' && code !== 0 ? code : 1);
    }),
  ]).finally(() => started.abort());
  isStarted = true;

  const living = (): Worker[] =>
    Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  return {
    reload() {
      for (const worker of living()) worker.process.kill('SIGHUP');
    },
    unfinished: () => `${Object.keys(cluster.workers ?? {}).length} ingest processes`,
    async close() {
      closing = true;
      const ended = living().map(async (worker) => {
        const exit = once(worker, 'exit');
        worker.process.kill('SIGTERM');
        const [code] = await exit;
        return code;
      });
      const codes = await Promise.all(ended);
      if (codes.some((code) => code !== 0)) throw new Error('an ingest process could not finish its work');
    },
  };
}
