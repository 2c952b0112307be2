/** `lyftr sources reload`: lets the processes of a running system on this machine read the sources file again. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Client } from '@lyftr/shared/client/client';
import { SettingsError } from '@lyftr/shared/runtime/env';
import type { ProcessState, Sample } from '@lyftr/shared/sample';
import type { SourcesAnswer } from '@lyftr/shared/sources';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { EXIT_FAILED, ExitError } from './exit.js';
import { examples, jsonOption, urlOption, type Finish, type JsonOption } from './options.js';
import { printable } from './printable.js';

interface ReloadOptions extends ClientOptions, JsonOption {}

const POLL_MS = 100;
/** Query reads the file within milliseconds. Faults that were there before are repeated by the new file after this time. */
const SAME_FAULTS_MS = 3_000;
/** An idle process publishes its figures every 4 s. */
const PATIENCE_MS = 10_000;

const SUCCESSFUL = 'sources_last_reload_successful';
const READ_AT = 'sources_last_reload_success_timestamp_seconds';

/** `my-host` of the instance `my-host-41-00000000000a`. */
const hostOf = ({ instance, pid }: ProcessState): string =>
  instance.slice(0, Math.max(0, instance.lastIndexOf(`-${pid}-`)));

/** SIGHUP ends a program that does not expect it, so the process must be the service. True where this cannot be seen. */
function isService({ service, pid }: ProcessState): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`lyftr:${service}`);
  } catch {
    return process.platform !== 'linux';
  }
}

function signal(target: ProcessState): boolean {
  if (!isService(target)) return false;
  try {
    process.kill(target.pid, 'SIGHUP');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw new Error(`${target.service} (process ${target.pid}) belongs to another user`, { cause: error });
  }
}

const asked = async (client: Client): Promise<SourcesAnswer> =>
  (await client.get('/sources')) as SourcesAnswer;

/** What query has read. Throws SettingsError with the faults of the file, or ExitError when it reads nothing. */
async function readByQuery(client: Client, before: SourcesAnswer): Promise<SourcesAnswer> {
  const startedAt = performance.now();
  for (;;) {
    const now = await asked(client);
    const waitedMs = performance.now() - startedAt;
    const isRead = now.loaded_at !== before.loaded_at;
    if (isRead && now.faults.length === 0) return now;
    const areNew = now.faults.join('\n') !== before.faults.join('\n');
    if (now.faults.length > 0 && (areNew || waitedMs > SAME_FAULTS_MS))
      throw new SettingsError([...now.faults], 'sources');
    if (waitedMs > PATIENCE_MS)
      throw new ExitError(EXIT_FAILED, 'query has not read the sources file again. Is SOURCES_FILE set?');
    await delay(POLL_MS);
  }
}

/** Waits until every process that publishes its figures has read the file. Throws ExitError when one has not. */
async function readByAll(client: Client, sinceMs: number): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const page = await (await client.fetch('/metrics')).text();
    const figure = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1]);
    const isSuccessful = figure(SUCCESSFUL) === 1;
    if (isSuccessful && figure(READ_AT) * 1_000 >= sinceMs) return;
    if (performance.now() - startedAt > PATIENCE_MS) {
      const fault = isSuccessful
        ? 'query has read the sources file, and another process has not'
        : 'query has read the sources file, and another process finds faults in it: its log names them';
      throw new ExitError(EXIT_FAILED, fault);
    }
    await delay(POLL_MS);
  }
}

/**
 * Exit code 0: every process has read the file. 1: a process is on another machine. Throws SettingsError with the faults of
 * the file.
 */
async function reload({ json, ...options }: ReloadOptions): Promise<number> {
  const client = openClient(readClientConfig(), options);
  const before = await asked(client);
  const { processes } = (await client.get('/system')) as Sample;
  if (processes === null) throw new Error('Redis is not responding, so the processes are not known');
  // query is last: when it has read the file, the others have had their signal
  const running = processes
    .filter(({ state }) => state === 'up')
    .toSorted((a, b) => Number(a.service === 'query') - Number(b.service === 'query'));
  const sinceMs = Date.now();
  const here = running.filter((each) => hostOf(each) === hostname() && signal(each));
  const others = running.filter((each) => !here.includes(each));
  const isQueryHere = here.some(({ service }) => service === 'query');
  const after = isQueryHere ? await readByQuery(client, before) : undefined;
  if (after !== undefined && others.length === 0) await readByAll(client, sinceMs);

  const named = (list: ProcessState[]) =>
    list.map(({ service, instance, pid }) => ({ service, instance, pid }));
  const answer = { reloaded: named(here), not_reached: named(others), loaded_at: after?.loaded_at ?? null };
  const lines = [
    ...here.map(({ service, instance }) => `${service.padEnd(6)}  read the file  ${instance}`),
    ...others.map(({ service, instance }) => `${service.padEnd(6)}  NOT REACHED    ${instance}`),
    ...(others.length === 0 ? [] : ['Send SIGHUP to the processes that were not reached, on their machine.']),
  ];
  process.stdout.write(`${json ? JSON.stringify(answer) : lines.map(printable).join('\n')}\n`);
  return others.length === 0 ? 0 : EXIT_FAILED;
}

export function addSourcesReload(group: Command, finish: Finish): void {
  examples(
    group
      .command('reload')
      .description('let the processes of a running system on this machine read the sources file again')
      .addOption(urlOption())
      .addOption(jsonOption())
      .addHelpText(
        'after',
        '\nExit code: 0 when every process has read it, 1 when a process was not reached, 78 when the file has faults. The old sources then go on.',
      )
      .action(async (options: ReloadOptions) => finish(await reload(options))),
    'sources reload',
    'sources reload --json',
  );
}
