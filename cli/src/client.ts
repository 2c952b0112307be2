/** Creates the client of the commands from options and settings. */
import { createClient, type Client } from '@lyftr/shared/client/client';
import { signBuiltIn } from '@lyftr/sources/open';
import type { ClientConfig } from './config.js';
import { findSecrets } from './secret.js';

export interface ClientOptions {
  /** Origin of the system. Default: `INGEST_URL`, or `PORT` on this machine. */
  url?: string;
}

export function openClient(config: ClientConfig, options: ClientOptions): Client {
  return createClient({
    origin: options.url ?? config.INGEST_URL ?? `http://127.0.0.1:${config.PORT}`,
    token: config.API_TOKEN,
    signing: { secrets: () => findSecrets(config), sign: signBuiltIn },
    hint: 'start Lyftr with `lyftr up`, or set its origin with --url',
  });
}
