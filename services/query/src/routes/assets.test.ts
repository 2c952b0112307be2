import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { PUBLIC } from './assets.js';
import { temporaryDirectory, type TestDirectory } from '@lyftr/store/sqlite/testing';
import { startService, type TestService } from '../testing.js';

const TOKEN = { authorization: 'Bearer secret' };

let directory: TestDirectory;
let service: TestService;

before(async () => {
  directory = temporaryDirectory();
  service = await startService(directory.path, { token: 'secret' });
});
after(async () => {
  await service.close();
  directory.remove();
});

test('the console comes with all that it loads, under a policy that allows nothing else', async () => {
  for (const [path, headers] of [
    ['/', TOKEN],
    ['/sign-in', {}],
  ] as const) {
    const response = await fetch(service.url + path, { headers });
    assert.equal(response.status, 200, path);
    assert.equal(
      response.headers.get('content-security-policy'),
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    );
    assert.equal(response.headers.get('referrer-policy'), 'no-referrer');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(response.headers.get('cross-origin-opener-policy'), 'same-origin');
    assert.equal(response.headers.get('cross-origin-resource-policy'), 'same-origin');
    const page = await response.text();
    assert.doesNotMatch(page, /<script>|<style| style=| on\w+="|https?:/);
    const links = Array.from(page.matchAll(/(?:src|href)="(\/console\/[^"]+)"/g), ([, link]) => link);
    assert.ok(links.length > 2);
    for (const link of links) assert.equal((await fetch(`${service.url}${link}`)).status, 200, link);
  }
});

test('its files need no token, and no other file is among them', async () => {
  const files = readdirSync(PUBLIC).filter((file) => !file.endsWith('.html'));
  assert.ok(files.includes('main.js'));
  for (const file of files) assert.equal((await fetch(`${service.url}/console/${file}`)).status, 200, file);
  for (const file of ['index.html', 'uPlot.cjs.js', '..%2fdocs.js', '%2e%2e%2f..%2fpackage.json'])
    assert.equal((await fetch(`${service.url}/console/${file}`)).status, 404, file);
});

test('no module makes HTML of text', () => {
  // a policy stops a script that gets in; this stops the markup
  for (const file of readdirSync(PUBLIC).filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(`${PUBLIC}/${file}`, 'utf8');
    assert.doesNotMatch(
      text,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(/,
      file,
    );
  }
});
