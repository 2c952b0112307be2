import { test } from 'node:test';
import { CONTRACT } from './contract.js';
import { withSqlite } from './sqlite.js';

for (const [part, check] of Object.entries(CONTRACT)) test(`SQLite: ${part}`, () => withSqlite(check));
