import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Database } from 'better-sqlite3';
import { SCHEMA_VERSION } from './format.js';

const MIGRATIONS = fileURLToPath(new URL('../../migrations/sqlite/', import.meta.url));

/** Files `NNN-what.sql`, one per version, in order. */
function migrations(): { version: number; file: string }[] {
  return readdirSync(MIGRATIONS)
    .filter((file) => /^\d{3}-.+\.sql$/.test(file))
    .map((file) => ({ version: Number(file.slice(0, 3)), file }))
    .toSorted((a, b) => a.version - b.version);
}

/**
 * Migrates the file to SCHEMA_VERSION. Each step is one transaction that also writes the version number (`PRAGMA
 * user_version`). Throws when a newer program wrote the file, because continuing would damage it.
 */
export function migrate(database: Database): void {
  const current = database.pragma('user_version', { simple: true }) as number;
  if (current > SCHEMA_VERSION) {
    throw new Error(
      `the database has schema version ${current}, but this program supports ${SCHEMA_VERSION}: run a newer version of Lyftr`,
    );
  }
  for (const { version, file } of migrations()) {
    if (version <= current) continue;
    const sql = readFileSync(`${MIGRATIONS}/${file}`, 'utf8');
    database.transaction(() => {
      database.exec(sql);
      database.pragma(`user_version = ${version}`);
    })();
  }
}
