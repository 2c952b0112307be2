/** Runs `wrk`, which is light enough not to be what is measured. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RequestFile } from './requests.js';

const SCRIPT = fileURLToPath(new URL('../replay.lua', import.meta.url));
const run = promisify(execFile);

export interface WrkResult {
  requests: number;
  seconds: number;
  perSecond: number;
  /** Answers other than 2xx and 3xx. */
  refused: number;
  /** Connection faults and time-outs. */
  errors: number;
  p50Ms: number;
  p99Ms: number;
}

/** Each of the two threads reads a file of its own. When a file ends its thread begins it again. */
export async function wrk(
  origin: string,
  files: readonly [RequestFile, RequestFile],
  { connections, seconds }: { connections: number; seconds: number },
): Promise<WrkResult> {
  const args = ['-t2', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', SCRIPT, origin, '--'];
  for (const { file, bytesPerRequest } of files) args.push(file, String(bytesPerRequest));
  const { stdout } = await run('wrk', args, { maxBuffer: 1024 * 1024 });
  const line = /^RESULT (.*)$/m.exec(stdout)?.[1];
  if (line === undefined) throw new Error(`wrk said: ${stdout}`);
  const [requests = 0, microseconds = 1, refused = 0, errors = 0, p50 = 0, p99 = 0] = line
    .split(' ')
    .map(Number);
  const elapsed = microseconds / 1e6;
  return {
    requests,
    seconds: elapsed,
    perSecond: (requests - refused) / elapsed,
    refused,
    errors,
    p50Ms: p50 / 1e3,
    p99Ms: p99 / 1e3,
  };
}
