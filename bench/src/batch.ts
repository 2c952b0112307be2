import { drained, measure, pidsOf, startOurs, type Benchmark } from './context.js';
import { writeRequests, type RequestFile } from './requests.js';
import { compared } from './results.js';

const PER_REQUEST = 500;
const REQUESTS_PER_FILE = 2_000;

async function acknowledged(
  files: readonly [RequestFile, RequestFile],
  perRequest: number,
  seconds: number,
): Promise<number> {
  const system = await startOurs();
  try {
    const shape = { connections: 64, files, perRequest };
    await measure(system.origin, pidsOf(system), { ...shape, seconds: 1 });
    await drained(system, 120_000);
    const { perSecond } = await measure(system.origin, pidsOf(system), { ...shape, seconds });
    return perSecond * perRequest;
  } finally {
    await system.stop();
  }
}

export const batch: Benchmark = {
  name: '5-batch',
  title: `POST /webhook/batch, ${PER_REQUEST} messages a request, against single posts`,
  async run(context) {
    const files = [
      writeRequests(context.dir, 'batch-0.bin', REQUESTS_PER_FILE, { perRequest: PER_REQUEST }),
      writeRequests(context.dir, 'batch-1.bin', REQUESTS_PER_FILE, {
        perRequest: PER_REQUEST,
        first: REQUESTS_PER_FILE * PER_REQUEST,
      }),
    ] as const;
    const pairs: { ours: number; peer: number }[] = [];
    for (let round = 0; round < context.rounds; round++) {
      const peer = await acknowledged(context.singles, 1, context.seconds);
      // shorter, so that no message is sent twice and none of it is a cheap duplicate
      const ours = await acknowledged(files, PER_REQUEST, Math.min(context.seconds, 4));
      pairs.push({ ours, peer });
      context.say(`acknowledged messages/s: batches ${Math.round(ours)}, singles ${Math.round(peer)}`);
    }
    return [compared('acknowledged messages/s', 'single posts', pairs, { atLeast: 5 })];
  },
};
