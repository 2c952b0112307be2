import { percentile, requestText, send } from '@lyftr/cli/sender';
import { signed } from '@lyftr/test/system';
import { startBare, startOurs, type Benchmark, type Context } from './context.js';
import { compared } from './results.js';
import { bodyOf } from './requests.js';

const CONNECTIONS = 64;
const PER_SECOND = 4_000;

/** p99 in milliseconds at a fixed rate; requests are signed beforehand. */
async function p99(context: Context, origin: string): Promise<number> {
  const count = PER_SECOND * context.seconds;
  const requests = Array.from({ length: count + PER_SECOND }, (_, i) => {
    const body = bodyOf(i);
    return requestText(origin, '/webhook', body, signed(body));
  });
  const latencies: number[] = [];
  await send({
    origin,
    connections: CONNECTIONS,
    perSecond: PER_SECOND,
    request: (index) => requests[index],
    answered(index, status, latencyMs) {
      if (status !== 200) throw new Error(`request ${index} was answered ${status}`);
      // the first second warms up
      if (index >= PER_SECOND) latencies.push(latencyMs);
    },
  });
  return percentile(latencies, 0.99);
}

export const latency: Benchmark = {
  name: '4-latency',
  title: `p99 of the acknowledgement, ${CONNECTIONS} connections at ${PER_SECOND} requests a second`,
  async run(context) {
    const pairs: { ours: number; peer: number }[] = [];
    for (let round = 0; round < context.rounds; round++) {
      const bare = await startBare();
      const peer = await p99(context, bare.origin);
      await bare.process.stop();
      const system = await startOurs();
      try {
        pairs.push({ ours: await p99(context, system.origin), peer });
      } finally {
        await system.stop();
      }
      context.say(`p99 ms: ours ${pairs.at(-1)?.ours.toFixed(2)}, bare ${peer.toFixed(2)}`);
    }
    return [compared('p99 ms', 'bare node:http at the same rate', pairs, { atMost: 2.5 })];
  },
};
