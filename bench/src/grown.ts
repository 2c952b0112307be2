import { JOB_MESSAGES_MAX } from '@lyftr/shared/limits';
import { drained, measure, pidsOf, startOurs, type Benchmark, type Context } from './context.js';
import { writeRequests } from './requests.js';
import { compared } from './results.js';
import { wrk } from './wrk.js';

const STORED = 5_000_000;
/** Rows of one call, so that the files of requests stay small. */
const PART = 1_500_000;
const PER_REQUEST = JOB_MESSAGES_MAX;

/** Sends about `rows` messages that were not sent before. `first` numbers them; the measurement uses lower numbers. */
async function grow(context: Context, origin: string, rows: number, first: number): Promise<void> {
  const count = Math.ceil(rows / PER_REQUEST / 2);
  const files = [
    writeRequests(context.dir, 'grow-0.bin', count, { perRequest: PER_REQUEST, first }),
    writeRequests(context.dir, 'grow-1.bin', count, {
      perRequest: PER_REQUEST,
      first: first + count * PER_REQUEST,
    }),
  ] as const;
  await wrk(origin, files, { connections: 8, seconds: 20 });
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
      for (let part = 1; stored() < STORED; part++) {
        await grow(context, full.origin, Math.min(STORED - stored(), PART), part * 100_000_000);
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
