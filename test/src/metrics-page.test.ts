/** Pages of metrics: of the system, and of each process alone; in the format that is asked for; behind the token. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { System } from './system.js';

const TOKEN = 'a-token-for-tests';
const headers = { authorization: `Bearer ${TOKEN}` };
// what Prometheus sends
const ACCEPT =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

let system: System;
let pages: string[];

before(async () => {
  system = await System.start({ API_TOKEN: TOKEN });
  const [query, writer] = await Promise.all(
    (['query', 'writer'] as const).map(async (name) => system.process(name).port()),
  );
  pages = [
    `${system.origin}/metrics`,
    `${system.origin}/metrics/process`,
    `http://127.0.0.1:${query}/metrics/process`,
    `http://127.0.0.1:${writer}/metrics/process`,
  ];
});

after(() => system.stop());

test('text is the rule, OpenMetrics for who prefers it', async () => {
  for (const url of pages) {
    const text = await fetch(url, { headers });
    assert.equal(text.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8', url);
    assert.match(await text.text(), /^# TYPE \w+_total counter$/m);
    const open = await fetch(url, { headers: { ...headers, accept: ACCEPT } });
    assert.equal(
      open.headers.get('content-type'),
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
      url,
    );
    const page = await open.text();
    // `_total` belongs to the samples there
    assert.match(page, /^# TYPE \w+ counter$/m);
    assert.doesNotMatch(page, /^# TYPE \w+_total counter$|_total_total/m);
    assert.match(page, /\n# EOF\n$/);
  }
});

test('a process shows what it did itself', async () => {
  const body = JSON.stringify({ message_id: '1', from: 'a', to: 'b', ts: 1, text: '' });
  assert.equal((await system.post(body, { 'x-signature': '0'.repeat(64) })).status, 401);
  const [, ingest, query, writer] = await Promise.all(
    pages.map(async (url) => (await fetch(url, { headers })).text()),
  );
  assert.match(ingest ?? '', /^webhook_total\{status="invalid_signature"\} 1$/m);
  assert.doesNotMatch(query ?? '', /invalid_signature/);
  assert.match(writer ?? '', /^webhook_total\{status="created"\} 0$/m);
});

test('every page is behind the token', async () => {
  for (const url of pages) assert.equal((await fetch(url)).status, 401, url);
});
