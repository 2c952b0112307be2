import { JOB_MESSAGES_MAX } from '@lyftr/shared/limits';
import { drained, measure, pidsOf, startOurs, type Benchmark, type Context } from './context.js';
import { writeRequests } from './requests.js';
import { compared } from './results.js';
import { wrk } from './wrk.js';

const STORED = 5_000_000;
const PER_REQUEST = JOB_MESSAGES_MAX;

async function grow(context: Context, origin: string, rows: number): Promise<void> {
  const count = Math.ceil(rows / PER_REQUEST / 2);
  // ids that the measurement does not use
  const first = 100_000_000;
  const files = [
    writeRequests(context.dir, 'grow-0.bin', count, { perRequest: PER_REQUEST, first }),
    writeRequests(context.dir, 'grow-1.bin', count, {
      perRequest: PER_REQUEST,
      first: first + count * PER_REQUEST,
    }),
  ] as const;
  let sent = 0;
  while (sent < rows) {
    const { requests } = await wrk(origin, files, { connections: 8, seconds: 20 });
    sent += requests * PER_REQUEST;
  }
}

/** Throughput with five million rows stored and indexed, against an empty table. */
export const grown: Benchmark = {
  name: '7-grown',
  title: 'Five million rows stored already, against an empty table',
  async run(context) {
    const full = await startOurs({ QUEUE_HIGH_WATER: '20000000' });
    const pairs: { ours: number; peer: number }[] = [];
    try {
      const stored = () => full.rows("SELECT value FROM counters WHERE name = 'created'")[0]?.[0] as number;
      while (stored() < STORED) {
        await grow(context, full.origin, STORED - stored());
        await drained(full, 600_000);
        context.say(`${stored()} rows stored`);
      }
      const shape = { connections: 64, files: context.singles };
      for (let round = 0; round < context.rounds; round++) {
        const empty = await startOurs();
        try {
          await measure(empty.origin, pidsOf(empty), { ...shape, seconds: 1 });
          const peer = await measure(empty.origin, pidsOf(empty), { ...shape, seconds: context.seconds });
          const ours = await measure(full.origin, pidsOf(full), { ...shape, seconds: context.seconds });
          pairs.push({ ours: ours.perSecond, peer: peer.perSecond });
          context.say(
            `acknowledged/s: grown ${Math.round(ours.perSecond)}, empty ${Math.round(peer.perSecond)}`,
          );
        } finally {
          await empty.stop();
        }
        await drained(full, 120_000);
      }
    } finally {
      await full.stop();
    }
    return [compared('acknowledged/s, 64 connections', 'an empty table', pairs, { atLeast: 0.9 })];
  },
};
