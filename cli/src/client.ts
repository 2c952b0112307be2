/** The client of the commands: where the system is, by options and settings, and what to do when it is not there. */
import { createClient, type Client } from '@lyftr/shared/client';
import type { ClientConfig } from './config.js';
import { findSecret } from './secret.js';

export interface ClientOptions {
  /** Origin of the system; `INGEST_URL`, or `PORT` on this machine, when it is not given. */
  url?: string;
  /** Origin of the writer; `WRITER_URL`, or `WRITER_PORT` on this machine, when it is not given. */
  writerUrl?: string;
}

export function openClient(config: ClientConfig, options: ClientOptions): Client {
  return createClient({
    origin: options.url ?? config.INGEST_URL ?? `http://127.0.0.1:${config.PORT}`,
    writer: options.writerUrl ?? config.WRITER_URL ?? `http://127.0.0.1:${config.WRITER_PORT}`,
    token: config.API_TOKEN,
    secret: () => findSecret(config),
    hints: {
      origin: 'start it with `lyftr up`, or name it with --url',
      writer: 'the writer does not run there, or name it with --writer-url',
    },
  });
}
