/** The client of the commands: where the system is, by options and settings, and what to do when it is not there. */
import { createClient, type Client } from '@lyftr/shared/client/client';
import { signBuiltIn } from '@lyftr/sources/open';
import type { ClientConfig } from './config.js';
import { findSecrets } from './secret.js';

export interface ClientOptions {
  /** Origin of the system; `INGEST_URL`, or `PORT` on this machine, when it is not given. */
  url?: string;
}

export function openClient(config: ClientConfig, options: ClientOptions): Client {
  return createClient({
    origin: options.url ?? config.INGEST_URL ?? `http://127.0.0.1:${config.PORT}`,
    token: config.API_TOKEN,
    signing: { secrets: () => findSecrets(config), sign: signBuiltIn },
    hint: 'start it with `lyftr up`, or name it with --url',
  });
}
