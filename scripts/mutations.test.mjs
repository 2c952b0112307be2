import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MUTATIONS } from './mutations-list.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

test('every mutation fits the program as it is now', () => {
  for (const { name, file, edits, tests } of MUTATIONS) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    for (const [search] of edits) assert.equal(text.split(search).length - 1, 1, `${name}: ${search}`);
    for (const path of tests) assert.ok(existsSync(join(ROOT, path)), `${name}: ${path}`);
  }
});
