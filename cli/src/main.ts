#!/usr/bin/env node
/** The `lyftr` command: one file per verb. */
import { readFileSync } from 'node:fs';
import { SettingsError } from '@lyftr/shared/env';
import { EXIT_SETTINGS } from '@lyftr/shared/process';
import { up } from './up.js';

const USAGE = `Usage: lyftr VERB

  up          start Redis, writer, query and ingest, and keep them running until Ctrl-C

  --help      this text
  --version   the version
`;
const EXIT_USAGE = 64;

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

async function main([verb, ...rest]: readonly string[]): Promise<number> {
  if (verb === 'up' && rest.length === 0) return up();
  if (verb === '--version') {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  if (verb === '--help' || verb === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  process.stderr.write(USAGE);
  return EXIT_USAGE;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (error instanceof SettingsError) {
      for (const fault of error.faults) process.stderr.write(`settings: ${fault}\n`);
      process.exit(EXIT_SETTINGS);
    }
    process.stderr.write(`lyftr: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
