/** `lyftr sources`: the senders, and the file that names them. `check` reads a sources file as the services do. */
import type { Command } from 'commander';
import { EXIT_SETTINGS } from '@lyftr/shared/runtime/process';
import { currentEnv } from './config.js';
import { writeFailure } from './failure.js';
import { examples, jsonOption, type Finish, type JsonOption } from './options.js';
import { addSourcesInit } from './sources-init.js';
import { addSourcesList } from './sources-list.js';
import { addSourcesReload } from './sources-reload.js';

/** Exit code 78 when the file has faults. */
async function check(file: string, { json }: JsonOption): Promise<number> {
  const [{ readSourcesFile }, { faultLine, SourcesError }, { openSource }] = await Promise.all([
    import('@lyftr/sources/file'),
    import('@lyftr/sources/faults'),
    import('@lyftr/sources/open'),
  ]);
  try {
    const sources = readSourcesFile(file, currentEnv()).sources.map(openSource);
    const rows = sources.map(({ name, scheme, mapping = 'messages', keys }) => ({
      name,
      scheme,
      mapping,
      keys,
    }));
    if (json) process.stdout.write(`${JSON.stringify({ sources: rows })}\n`);
    for (const { name, scheme, mapping, keys } of json ? [] : rows) {
      const shown = keys.map(({ id, retired }) => (retired ? `${id} (retired)` : id)).join(', ');
      const as = typeof mapping === 'string' ? mapping : 'jsonata';
      process.stdout.write(`${name.padEnd(32)}  ${scheme.padEnd(17)}  ${as.padEnd(8)}  ${shown}\n`);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof SourcesError)) throw error;
    if (json) writeFailure('the sources file has faults', true, { faults: error.faults });
    else for (const fault of error.faults) process.stderr.write(`${faultLine(fault)}\n`);
    return EXIT_SETTINGS;
  }
}

export function addSources(program: Command, finish: Finish): void {
  const group = program
    .command('sources')
    .description('list the senders, and look after the file that names them');
  addSourcesList(group, finish);
  examples(
    group
      .command('check')
      .description(
        'read a sources file and its keys as the services do; exit code 78 when something is wrong',
      )
      .argument('<file>', 'the file')
      .addOption(jsonOption())
      .action(async (file: string, options: JsonOption) => finish(await check(file, options))),
    'sources check sources.json',
  );
  addSourcesReload(group, finish);
  addSourcesInit(group, finish);
}
