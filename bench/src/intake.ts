import { compared, measured, type Row } from './results.js';
import {
  makeSingles,
  measure,
  pidsOf,
  startBare,
  startOurs,
  type Benchmark,
  type Context,
  type Measurement,
} from './context.js';

const PEER = 'bare node:http that drops the message';

async function measureBare(context: Context, connections: number): Promise<Measurement> {
  const bare = await startBare();
  const pids = { bare: bare.process.child.pid as number };
  await measure(bare.origin, pids, { connections, seconds: 1, files: context.singles });
  const result = await measure(bare.origin, pids, {
    connections,
    seconds: context.seconds,
    files: context.singles,
  });
  await bare.process.stop();
  return result;
}

async function measureOurs(
  context: Context,
  connections: number,
  { processes = 1, files = context.singles }: { processes?: number; files?: Context['singles'] } = {},
): Promise<Measurement> {
  const system = await startOurs({ INGEST_PROCESSES: String(processes) });
  try {
    const pids = pidsOf(system);
    await measure(system.origin, pids, { connections, seconds: 1, files });
    return await measure(system.origin, pids, { connections, seconds: context.seconds, files });
  } finally {
    await system.stop();
  }
}

const averageCpu = (measurements: readonly Measurement[]): Record<string, number> => {
  const names = Object.keys(measurements[0]?.cpu ?? {});
  const mean = (name: string) =>
    measurements.reduce((sum, { cpu }) => sum + (cpu[name] ?? 0), 0) / measurements.length;
  return Object.fromEntries(names.map((name) => [name, mean(name)]));
};

/** Acknowledged per second while everything is stored, against a server that stores nothing. */
export const intake: Benchmark = {
  name: '1-intake',
  title: 'Intake: acknowledged and stored, against a bare server that throws its requests away',
  async run(context) {
    const rows: Row[] = [];
    const targets = { 256: { atLeast: 1.15 }, 64: { atLeast: 0.9 } } as const;
    for (const connections of [256, 64] as const) {
      const rounds: { bare: Measurement; ours: Measurement }[] = [];
      for (let round = 0; round < context.rounds; round++) {
        const bare = await measureBare(context, connections);
        const ours = await measureOurs(context, connections);
        context.say(
          `${connections} connections: ours ${Math.round(ours.perSecond)}, bare ${Math.round(bare.perSecond)}`,
        );
        rounds.push({ bare, ours });
      }
      const cpu = {
        ...averageCpu(rounds.map(({ ours }) => ours)),
        ...averageCpu(rounds.map(({ bare }) => bare)),
      };
      const pairs = rounds.map(({ ours, bare }) => ({ ours: ours.perSecond, peer: bare.perSecond }));
      rows.push(
        compared(`acknowledged/s at ${connections} connections`, PEER, pairs, targets[connections], cpu),
      );
      const memory = (name: string) => rounds.map(({ ours }) => ours.residentMib[name] ?? 0);
      if (connections === 256) {
        rows.push(measured('resident MiB of ingest at full load', memory('ingest'), { atMost: 200 }));
        rows.push(measured('resident MiB of the writer at full load', memory('writer'), { atMost: 300 }));
      }
    }
    return rows;
  },
};

/** Two ingest processes against one: what a message costs must not grow, or pods would not scale. */
export const scale: Benchmark = {
  name: '8-scale',
  title: 'Two ingest processes against one',
  async run(context) {
    const pairs: { ours: number; peer: number }[] = [];
    for (let round = 0; round < context.rounds; round++) {
      const one = await measureOurs(context, 128);
      // as many connections for each process: what a second pod is added for
      const two = await measureOurs(context, 256, { processes: 2 });
      pairs.push({ ours: two.cpu['ingest'] ?? 0, peer: one.cpu['ingest'] ?? 0 });
      context.say(
        `CPU µs of ingest per message: two processes ${two.cpu['ingest']}, one ${one.cpu['ingest']}`,
      );
    }
    return [compared('CPU µs of ingest per message, two processes', 'one process', pairs, { atMost: 1.1 })];
  },
};

/** A header that changes nothing, and that the fast path leaves to node:http. */
const NOT_PLAIN = 'TE: trailers\r\n';

/** The same deliveries by the fast path, and by node:http alone. */
export const fastPath: Benchmark = {
  name: '92-fast-path',
  title: 'Fast path on, against off',
  async run(context) {
    const files = makeSingles(context.dir, 'not-plain', NOT_PLAIN);
    const rows: Row[] = [];
    for (const connections of [256, 64] as const) {
      const rounds: { on: Measurement; off: Measurement }[] = [];
      for (let round = 0; round < context.rounds; round++) {
        const on = await measureOurs(context, connections);
        const off = await measureOurs(context, connections, { files });
        rounds.push({ on, off });
        context.say(`CPU µs of ingest a message: on ${on.cpu['ingest']}, off ${off.cpu['ingest']}`);
      }
      const cpu = rounds.map(({ on, off }) => ({
        ours: on.cpu['ingest'] ?? 0,
        peer: off.cpu['ingest'] ?? 0,
      }));
      const rate = rounds.map(({ on, off }) => ({ ours: on.perSecond, peer: off.perSecond }));
      const at = `at ${connections} connections`;
      rows.push(compared(`CPU µs of ingest per message ${at}`, 'fast path off', cpu, undefined));
      rows.push(compared(`acknowledged/s ${at}`, 'fast path off', rate, undefined));
    }
    return rows;
  },
};
