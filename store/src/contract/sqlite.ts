/** Runs the contract on SQLite. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAdminStore, openReadStore, openWriteStore } from '../open.js';
import type { Subject } from './subject.js';

const TIMEOUT_MS = 60_000;

/** Runs `work` with its own folder for a SQLite database. */
export async function withSqlite(work: (subject: Subject) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'lyftr-contract-'));
  const settings = { STORE_URL: 'sqlite:', DATA_DIR: directory };
  try {
    await work({
      openWriter: (instance) => openWriteStore(settings, instance),
      openReader: () => openReadStore(settings, TIMEOUT_MS),
      openAdmin: () => openAdminStore(settings),
      newFile: () => join(directory, randomUUID()),
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
