/** A source for tests that need any: its provider sends a token. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from './system.js';

const TOKEN = 'the token of a shop';

/** Writes the sources file into `dir`. Returns the settings that name it. */
export function writeOneSource(dir: string): Environment {
  const file = join(dir, 'sources.json');
  const keys = [{ id: 'main', env: 'SHOP_TOKEN' }];
  const sources = [{ name: 'shop', scheme: 'token', token: { header: 'X-Token' }, keys }];
  writeFileSync(file, JSON.stringify({ sources }));
  return { SOURCES_FILE: file, SHOP_TOKEN: TOKEN };
}

/** Posts a delivery with the right token, or with another one. Resolves with the status. */
export async function deliver(origin: string, body: string, token = TOKEN): Promise<number> {
  const url = `${origin}/webhook/shop`;
  return (await fetch(url, { method: 'POST', headers: { 'x-token': token }, body })).status;
}
