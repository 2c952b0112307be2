import { setTimeout as delay } from 'node:timers/promises';
import { percentile, requestText, send } from '@lyftr/cli/sender';
import { signed } from '@lyftr/test/system';
import { startBare, startOurs, type Benchmark } from './context.js';
import { cpuMicroseconds } from './proc.js';
import { bodyOf } from './requests.js';
import { compared, measured } from './results.js';

/** A process that has just started compiles and collects garbage for a while. */
const SETTLE_SECONDS = 30;
const IDLE_SECONDS = 20;
const REQUESTS = 300;

/** Median latency of requests that come one at a time, 10 ms apart. */
async function lone(origin: string): Promise<number> {
  const latencies: number[] = [];
  await send({
    origin,
    connections: 1,
    perSecond: 100,
    request: (index) =>
      index < REQUESTS ? requestText(origin, '/webhook', bodyOf(index), signed(bodyOf(index))) : undefined,
    answered: (_index, _status, latencyMs) => latencies.push(latencyMs),
  });
  return percentile(latencies, 0.5);
}

export const idle: Benchmark = {
  name: '9-idle',
  title: 'An idle system, and a single request to it',
  async run(context) {
    const system = await startOurs();
    try {
      const pids = [...system.processes.values()].map(({ child }) => child.pid as number);
      const used = () => pids.reduce((sum, pid) => sum + cpuMicroseconds(pid), 0);
      await delay(SETTLE_SECONDS * 1_000);
      const shares: number[] = [];
      for (let round = 0; round < Math.min(context.rounds, 3); round++) {
        const before = used();
        await delay(IDLE_SECONDS * 1_000);
        shares.push(((used() - before) / (IDLE_SECONDS * 1e6)) * 100);
        context.say(`idle: ${shares.at(-1)?.toFixed(2)} % of a core`);
      }
      const bare = await startBare();
      const pairs: { ours: number; peer: number }[] = [];
      for (let round = 0; round < context.rounds; round++) {
        pairs.push({ ours: await lone(system.origin), peer: await lone(bare.origin) });
      }
      await bare.process.stop();
      return [
        measured('% of one core, all processes together', shares, { atMost: 1 }),
        compared('median ms of a lone request', 'bare node:http', pairs, undefined),
      ];
    } finally {
      await system.stop();
    }
  },
};
