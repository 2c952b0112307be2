import { existsSync } from 'node:fs';
import { databaseFile } from '@lyftr/shared/database';

/** Path of the database in `DATA_DIR`. Throws when there is none. */
export function findDatabase(dataDir: string): string {
  const file = databaseFile(dataDir);
  if (!existsSync(file)) throw new Error(`there is no database at ${file}: name its folder with DATA_DIR`);
  return file;
}
