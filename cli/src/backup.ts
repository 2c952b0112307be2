/** `lyftr backup`: makes a consistent copy of the database while the system runs. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { readClientConfig } from './config.js';
import { beginFile } from './new-file.js';
import { examples, jsonOption, type Finish, type JsonOption } from './options.js';
import { startBar } from './progress.js';

interface BackupOptions extends JsonOption {
  force: boolean;
}

async function backup(path: string, { force, json }: BackupOptions): Promise<number> {
  const { isTty, ...settings } = readClientConfig();
  // loaded only when needed, so that other commands start faster
  const { openAdminStore } = await import('@lyftr/store/open');
  const store = openAdminStore(settings);
  store.requireElsewhere(path);
  const startedAt = performance.now();
  const target = beginFile(path, force);
  let messages: number;
  let bar: ReturnType<typeof startBar> | undefined;
  try {
    ({ messages } = await store.backup(target.partial, (done, total) => {
      bar ??= startBar(isTty && !json, 'pages', total);
      bar.moveTo(done);
    }));
    target.commit();
  } finally {
    bar?.stop();
    target.discard();
  }
  const { size: bytes } = statSync(path);
  const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(2));
  const result = { file: resolve(path), bytes, messages, seconds };
  const text = `${result.file}: ${messages} messages, ${bytes} bytes, checked, in ${seconds} s`;
  process.stdout.write(`${json ? JSON.stringify(result) : text}\n`);
  return 0;
}

export function addBackup(program: Command, finish: Finish): void {
  const command = program
    .command('backup')
    .description('make a consistent copy of the database in DATA_DIR and check it; the system may run')
    .argument('<file>', 'the copy; only its owner may read it')
    .option('--force', 'replace an existing file', false)
    .addOption(jsonOption())
    .action(async (path: string, options: BackupOptions) => finish(await backup(path, options)));
  examples(command, 'backup lyftr-monday.db', 'backup --force --json /mnt/backup/lyftr.db');
}
