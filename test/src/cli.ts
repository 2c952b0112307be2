/** The `lyftr` command as a process, for tests. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Environment } from './system.js';

/** Script of the command. */
export const MAIN = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));
const TIMEOUT_MS = 60_000;

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs it to its end, whatever its exit code, with `input` as its standard input. */
export function lyftrWith(input: string | Buffer, env: Environment, ...args: string[]): Promise<CliResult> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'], ...env }, timeout: TIMEOUT_MS } as const;
    const child = execFile(process.execPath, [MAIN, ...args], options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
    // one that ends without reading it
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

export const lyftr = (env: Environment, ...args: string[]): Promise<CliResult> => lyftrWith('', env, ...args);
