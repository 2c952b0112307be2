/** What `npm run soak` does. */
import { describe } from './report.js';
import { soak } from './soak.js';

const FAULT_MS_MAX = 10_000;

export interface RunOptions {
  minutes: number;
  seed: number;
  /** Requests a second. */
  rate: number;
}

/** Prints the report. Exit code 0 when every promise held, else 1. */
export async function runSoak({ minutes, seed, rate }: RunOptions): Promise<void> {
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
    process.stderr.write(
      `The harness failed with seed ${seed}: ${(error as Error).stack ?? String(error)}\n`,
    );
    process.exitCode = 1;
  }
}
