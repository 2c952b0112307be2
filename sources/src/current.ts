/** The sources that a service works with, and how it reads the file again while it runs. */
import { SettingsError } from '@lyftr/shared/runtime/env';
import type { Logger } from '@lyftr/shared/runtime/log';
import { gauge } from '@lyftr/shared/runtime/metrics';
import type { Registry } from 'prom-client';
import { faultLine, faultText, SourcesError } from './faults.js';
import { readSourcesFile } from './file.js';
import { openSource } from './open.js';
import type { Source } from './source.js';

/** One reading of the file. It never changes, so a request may keep the one that it began with. */
export interface Sources {
  byName: ReadonlyMap<string, Source>;
  /** How long another key must have been used, and a key not, until it is safe to retire. */
  retireAfterHours: number;
  /** Epoch milliseconds. */
  loadedAt: number;
}

export interface CurrentSources {
  get(): Sources;
  /** What was wrong with the file when it was read last, one text each. */
  faults(): readonly string[];
  /** Reads the file again. With a fault, the old sources stay. */
  reload(): void;
}

export interface CurrentSourcesOptions {
  /** Undefined: there are no sources. */
  file: string | undefined;
  /** Where the keys may be. */
  env: NodeJS.ProcessEnv;
  registry: Registry;
  log: Logger;
}

function read(file: string, env: NodeJS.ProcessEnv): Sources {
  const { sources, retireAfterHours } = readSourcesFile(file, env);
  return {
    byName: new Map(sources.map((settings) => [settings.name, openSource(settings)])),
    retireAfterHours,
    loadedAt: Date.now(),
  };
}

/** Throws SettingsError with every fault of the file. */
export function openSources({ file, env, registry, log }: CurrentSourcesOptions): CurrentSources {
  if (file === undefined) {
    const none: Sources = { byName: new Map(), retireAfterHours: 0, loadedAt: Date.now() };
    return { get: () => none, faults: () => [], reload() {} };
  }
  const path = file;
  const isSuccess = gauge(registry, 'sources_last_reload_successful');
  const successAt = gauge(registry, 'sources_last_reload_success_timestamp_seconds');
  let faults: readonly string[] = [];
  let sources: Sources;

  function become(next: Sources): void {
    sources = next;
    faults = [];
    isSuccess.set(1);
    successAt.set(next.loadedAt / 1_000);
  }

  try {
    become(read(path, env));
  } catch (error) {
    if (error instanceof SourcesError) throw new SettingsError(error.faults.map(faultText), 'sources');
    throw error;
  }
  return {
    get: () => sources,
    faults: () => faults,
    reload() {
      try {
        become(read(path, env));
        log.info({ sources: sources.byName.size }, 'read the sources file');
      } catch (error) {
        if (!(error instanceof SourcesError)) throw error;
        faults = error.faults.map(faultText);
        isSuccess.set(0);
        for (const fault of error.faults) log.error(faultLine(fault));
      }
    },
  };
}
