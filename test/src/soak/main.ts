/** `npm run soak -- --minutes N --seed S --rate R`. Exit code 0 when every promise held, else 1. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { describe } from './report.js';
import { soak } from './soak.js';

const FAULT_MS_MAX = 10_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(randomInt(2 ** 32)) },
    rate: { type: 'string', default: '2000' },
  },
});
const [minutes, seed, rate] = [values.minutes, values.seed, values.rate].map(Number) as [
  number,
  number,
  number,
];
if (!(minutes > 0) || !Number.isSafeInteger(seed) || !(rate > 0)) {
  process.stderr.write(
    'usage: npm run soak -- [--minutes N] [--seed INTEGER] [--rate REQUESTS_PER_SECOND]\n',
  );
  process.exit(2);
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
say(`seed ${seed}, ${minutes} min, ${rate} requests/s`);
try {
  const report = await soak({
    seconds: minutes * 60,
    seed,
    rate,
    faultMsMax: FAULT_MS_MAX,
    withSpecial: true,
    say,
  });
  say(`\n${describe(report)}`);
  process.exitCode = report.ok ? 0 : 1;
} catch (error) {
  process.stderr.write(`The harness failed with seed ${seed}: ${(error as Error).stack ?? String(error)}\n`);
  process.exitCode = 1;
}
