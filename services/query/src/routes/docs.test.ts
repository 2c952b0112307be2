import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { temporaryDirectory, type TestDirectory } from '@lyftr/store/sqlite/testing';
import { startService, type TestService } from '../testing.js';

let directory: TestDirectory;
let service: TestService;

before(async () => {
  directory = temporaryDirectory();
  service = await startService(directory.path);
});

after(async () => {
  await service.close();
  directory.remove();
});

test('the page and all that it loads come from here, under a policy that allows nothing else', async () => {
  for (const path of ['/docs', '/docs/']) {
    const response = await fetch(service.url + path, { redirect: 'error' });
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /^default-src 'none'; script-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|http|\*/);
    assert.equal(response.headers.get('referrer-policy'), 'no-referrer');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    const page = await response.text();
    assert.doesNotMatch(page, /<script>|https?:/);
    const links = Array.from(page.matchAll(/(?:src|href)="([^"]+)"/g), ([, link]) => link);
    assert.equal(links.length, 4);
    for (const link of links) assert.equal((await fetch(`${service.url}${link}`)).status, 200, link);
  }
});

test('only the files of the page are served', async () => {
  for (const file of [
    'index.html',
    'package.json',
    'docs.html',
    '..%2fpackage.json',
    '%2e%2e%2fdist%2fapp.js',
  ]) {
    assert.equal((await fetch(`${service.url}/docs/${file}`)).status, 404, file);
  }
});
