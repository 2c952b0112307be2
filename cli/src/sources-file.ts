/** Reads the sources file for a command. */
import { SettingsError } from '@lyftr/shared/runtime/env';
import type { SourceSettings } from '@lyftr/sources/source';
import { currentEnv } from './config.js';

/** Loaded only when needed, so that other commands start faster. Faults of the file become a SettingsError. */
async function read<T>(how: (module: typeof import('@lyftr/sources/file')) => T): Promise<T> {
  const [module, { faultText, SourcesError }] = await Promise.all([
    import('@lyftr/sources/file'),
    import('@lyftr/sources/faults'),
  ]);
  try {
    return how(module);
  } catch (error) {
    if (error instanceof SourcesError) throw new SettingsError(error.faults.map(faultText), 'sources');
    throw error;
  }
}

/** Rejects with SettingsError when the file has faults. */
export async function requireSources(file: string): Promise<void> {
  await read(({ readSourcesFile }) => readSourcesFile(file, currentEnv()));
}

/** One source with its keys. Rejects with SettingsError when it has faults, or with an Error when it is not there. */
export async function readOneSource(file: string, name: string): Promise<SourceSettings> {
  const settings = await read(({ readSource }) => readSource(file, currentEnv(), name));
  if (settings === undefined) throw new Error(`${file} has no source ${name}`);
  return settings;
}
