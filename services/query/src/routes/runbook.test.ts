import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { temporaryDirectory, type TestDirectory } from '@lyftr/store/sqlite/testing';
import { startService, type TestService } from '../testing.js';

const RULES = new URL('../../../../deploy/prometheus/rules.yml', import.meta.url);

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

test('the link of every alert leads to its section, on the page that this service has', async () => {
  const urls = [...readFileSync(RULES, 'utf8').matchAll(/^ +runbook_url: (\S+)$/gm)].map(
    ([, url]) => new URL(url as string),
  );
  assert.ok(urls.length > 15);
  const pages = new Map<string, string>();
  for (const { pathname, hash } of urls) {
    const page = pages.get(pathname) ?? (await (await fetch(`${service.url}${pathname}`)).text());
    pages.set(pathname, page);
    assert.ok(page.includes(` id="${hash.slice(1)}"`), `${pathname}${hash}`);
  }
  assert.equal(pages.size, 1);
});

test('it is a page, with all that it loads from here', async () => {
  const response = await fetch(`${service.url}/docs/runbook`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(response.headers.get('content-security-policy') ?? '', /^default-src 'none'; /);
  const page = await response.text();
  for (const [, href = ''] of page.matchAll(/<link [^>]*href="([^"]+)"/g))
    assert.equal((await fetch(service.url + href)).status, 200, href);
  for (const [, anchor = ''] of page.matchAll(/<a href="#([^"]+)"/g))
    assert.ok(page.includes(` id="${anchor}"`), anchor);
});
