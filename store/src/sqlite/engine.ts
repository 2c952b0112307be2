/** SQLite: one file in DATA_DIR. */
import type { Engine } from '../store.js';
import { openSqliteAdminStore } from './admin/admin-store.js';
import { databaseFile } from './format.js';
import { hostState } from './host.js';
import { openSqliteReadStore } from './read/read-store.js';
import { openSqliteWriteStore } from './write/write-store.js';

export const SQLITE: Engine = {
  openWriteStore: ({ DATA_DIR }, instance) => openSqliteWriteStore(databaseFile(DATA_DIR), instance),
  openReadStore: ({ DATA_DIR }, timeoutMs) => openSqliteReadStore(databaseFile(DATA_DIR), timeoutMs),
  openAdminStore: ({ DATA_DIR }) => openSqliteAdminStore(DATA_DIR),
  hostState: ({ DATA_DIR }) => hostState(DATA_DIR),
};
