/** Opens a store with the engine of STORE_URL. */
import { SettingsError } from '@lyftr/shared/runtime/env';
import { SQLITE } from './sqlite/engine.js';
import type { Engine, StoreSettings } from './store.js';

export type { StoreSettings } from './store.js';

/** Engines by the scheme of STORE_URL. */
const ENGINES: Readonly<Record<string, Engine>> = { sqlite: SQLITE };

/** Throws SettingsError. */
function engineOf({ STORE_URL }: StoreSettings): Engine {
  const scheme = STORE_URL.split(':', 1)[0] as string;
  const engine = Object.hasOwn(ENGINES, scheme) ? ENGINES[scheme] : undefined;
  if (engine !== undefined) return engine;
  throw new SettingsError([
    `STORE_URL names the unknown store ${scheme}:. Use ${Object.keys(ENGINES).join(', ')}:`,
  ]);
}

export const openWriteStore: Engine['openWriteStore'] = async (settings, instance) =>
  engineOf(settings).openWriteStore(settings, instance);

export const openReadStore: Engine['openReadStore'] = (settings, timeoutMs) =>
  engineOf(settings).openReadStore(settings, timeoutMs);

export const openAdminStore: Engine['openAdminStore'] = (settings) =>
  engineOf(settings).openAdminStore(settings);

export const hostState: Engine['hostState'] = (settings) => engineOf(settings).hostState(settings);
