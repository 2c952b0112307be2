/** The console with sources, in a browser, against a running system. */
import assert from 'node:assert/strict';

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readExample } from '@lyftr/sources/examples';
import { openSigner } from '@lyftr/sources/open';
import type { SchemeName } from '@lyftr/sources/source';
import { browserFault, overflow, seriousViolations, startBrowser, type Browser } from './browser.js';
import { eventually, System } from './system.js';

const TOKEN = 'token-for-tests';
const HOSTILE = '<img src=x onerror="document.title = `broken`">';
const SECRETS = { org: 'key of the organization', old: 'key of last year', app: 'key of the app' };

/** Messages of one example. */
const MANY = 4;

const folder = mkdtempSync(join(tmpdir(), 'lyftr-console-sources-'));
const file = join(folder, 'sources.json');

function writeSources(hubMapping: string): void {
  const sources = [
    {
      name: 'code',
      scheme: 'github',
      keys: [
        { id: 'org', env: 'ORG_SECRET' },
        { id: '2025', env: 'OLD_SECRET', retired: true },
      ],
    },
    { name: 'hub', scheme: 'meta', keys: [{ id: 'app', env: 'APP_SECRET' }], mapping: hubMapping },
  ];
  writeFileSync(file, JSON.stringify({ sources }));
}

describe('console with sources', { skip: browserFault }, () => {
  let system: System;
  let browser: Browser;
  let page: Browser['page'];

  before(async () => {
    writeSources('whatsapp');
    system = await System.start({
      API_TOKEN: TOKEN,
      SOURCES_FILE: file,
      ORG_SECRET: SECRETS.org,
      OLD_SECRET: SECRETS.old,
      APP_SECRET: SECRETS.app,
    });
    const query = system.process('query');
    const port = String(await query.port());
    await query.stop();
    await system.startService('query', { QUERY_PORT: port, INGEST_URL: system.origin });
    await fill();
    browser = await startBrowser();
    page = browser.page;
    await open('/');
    await page.fill('#token', TOKEN);
    await page.click('button');
    await shows('#status', /all stored|dead letter/);
  });
  after(async () => {
    await browser?.close();
    await system?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Sent {
    secret?: string;
    headers?: Record<string, string>;
    type?: string;
  }

  async function deliver(name: string, scheme: SchemeName, body: string, sent: Sent = {}): Promise<number> {
    const {
      secret = scheme === 'github' ? SECRETS.org : SECRETS.app,
      headers = {},
      type = 'application/json',
    } = sent;
    const signed = openSigner({ name, scheme }, secret)({ body });
    const response = await fetch(`${system.origin}/webhook/${name}`, {
      method: 'POST',
      headers: { 'content-type': type, ...signed, ...headers },
      body,
    });
    return response.status;
  }

  const github = (event: string, id: string) => ({ 'x-github-event': event, 'x-github-delivery': id });

  /** A message of a type for which there is no rule. */
  const unknownType = (i: number): string =>
    JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [
        {
          changes: [
            {
              field: 'messages',
              value: {
                metadata: { display_phone_number: '1555' },
                messages: [{ id: `new-${i}`, from: '1777', timestamp: '1767225600', type: 'hologram' }],
              },
            },
          ],
        },
      ],
    });

  async function fill(): Promise<void> {
    const issue = JSON.parse(readExample('github', 'issues').body.toString()) as { issue: { title: string } };
    issue.issue.title = HOSTILE;
    assert.equal(
      await deliver('code', 'github', JSON.stringify(issue), { headers: github('issues', 'd-1') }),
      200,
    );
    const push = readExample('github', 'push').body.toString();
    const form = new URLSearchParams({ payload: push }).toString();
    const type = 'application/x-www-form-urlencoded';
    assert.equal(await deliver('code', 'github', form, { headers: github('push', 'd-2'), type }), 200);
    // the same id with another content
    issue.issue.title = 'another title';
    assert.equal(
      await deliver('code', 'github', JSON.stringify(issue), { headers: github('issues', 'd-1') }),
      200,
    );
    for (let i = 0; i < 3; i++) assert.equal(await deliver('hub', 'meta', unknownType(i)), 200);
    assert.equal(await deliver('hub', 'meta', readExample('whatsapp', 'many').body.toString()), 200);
    const ts = Math.floor(Date.now() / 1_000) - 2 * 3_600;
    const plain = JSON.stringify({
      message_id: 'plain',
      from: 'alice',
      to: 'bob',
      ts,
      text: 'two hours ago',
    });
    assert.equal((await system.post(plain)).status, 200);
    assert.equal(await deliver('code', 'github', push, { secret: SECRETS.old }), 401);
    assert.equal(await deliver('hub', 'meta', push, { secret: 'no key of anybody' }), 401);
    await system.stored(3 + MANY);
    await eventually('the dead letters', () => system.rows('SELECT id FROM dead_letters').length === 4);
    await eventually('the rejected deliveries', async () => (await system.redis.llen('lyftr:rejects')) === 2);
  }

  const open = (path: string) => page.goto(`${system.origin}${path}`);
  const textOf = async (selector: string) => (await page.textContent(selector)) ?? '';
  const shows = (selector: string, wanted: RegExp | string) =>
    eventually(`${selector} shows ${String(wanted)}`, async () => {
      const text = await textOf(selector);
      return typeof wanted === 'string' ? text === wanted : wanted.test(text);
    });
  const search = () => page.evaluate<string>('location.search');
  const letters = (where: string): number => system.rows(`SELECT id FROM dead_letters WHERE ${where}`).length;

  test('the sources: their addresses, their keys, and what to do with them', async () => {
    await open('/?tab=sources');
    await shows('#sources', /code.*github.*hub.*meta/s);
    const card = '.source:has(h2:text-is("code"))';
    assert.equal(await textOf(`${card} .address code`), `${system.origin}/webhook/code`);
    await shows(`${card} .facts`, /Accepted3 deliveriesRejected1Last delivery.*ago|just now/);
    await shows(`${card} .keys`, /org.*Keep it: the only key, and in use\..*2025.*never.*Retired/s);
    assert.match((await page.getAttribute(`${card} .facts time`, 'title')) ?? '', /2026|20\d\d/);
    await page.click(`${card} summary`);
    assert.match(await textOf(`${card} details`), /The id of a delivery is not signed/);
    // figures change, and the open part stays open
    const accepted = `${card} .facts a >> nth=0`;
    const push = readExample('github', 'push').body.toString();
    assert.equal(await deliver('code', 'github', push, { headers: github('push', 'd-3') }), 200);
    await shows(accepted, '4 deliveries');
    assert.equal(await page.isVisible(`${card} details .facts`), true);
    await page.click(accepted);
    await shows('#total', '3 matches');
    assert.equal(await search(), '?tab=messages&source=code');
    assert.equal(await page.inputValue('#source'), 'code');
  });

  test('the account says how many more messages the deliveries became', async () => {
    await open('/');
    await shows('#ledger-fanout', String(MANY - 1));
    assert.equal(await page.isVisible('#ledger-fanout'), true);
  });

  test('a faulty file is said on the page, and the old sources stay on it', async () => {
    await open('/?tab=sources');
    await shows('#sources', /hub/);
    assert.equal(await page.isVisible('#sources-faults'), false);
    writeFileSync(file, '{"sources": [{"name": "x"}]}');
    system.process('query').child.kill('SIGHUP');
    await shows('#sources-faults', /\/sources\/0\/scheme: is missing/);
    await shows('#sources', /code.*hub/s);
    writeSources('whatsapp');
    system.process('query').child.kill('SIGHUP');
    await eventually('no fault', async () => !(await page.isVisible('#sources-faults')));
  });

  test('a rejected delivery says what it came close to, and what to do', async () => {
    await open('/?tab=rejects');
    await shows('#rejects-total', '2 rejected deliveries');
    assert.match(await textOf('#rejects .reject >> nth=0'), /hub.*The signature is wrong/s);
    assert.match(
      await textOf('#rejects .reject >> nth=1'),
      /code.*The sender signs with the retired key 2025\.Give it the current key\./s,
    );
    await page.selectOption('#rejects-source', 'code');
    await shows('#rejects-total', '1 rejected delivery');
    await page.goBack();
    await shows('#rejects-total', '2 rejected deliveries');
  });

  test('the delivery behind a message is there, as it came and formatted', async () => {
    await open('/?tab=messages&source=code&q=onerror');
    await shows('#total', '1 match');
    assert.equal(await textOf('#messages .via'), 'via code');
    await page.click('#messages .row');
    await page.waitForSelector('dialog[open]');
    const dialog = await textOf('#dialog');
    assert.match(dialog, /Sourcecode \(github\)Verified.*by the key org/s);
    assert.match(dialog, /x-github-delivery.*d-1/s);
    assert.match(dialog, /"title": "<img src=x onerror=/);
    await page.click('#dialog button:text-is("Raw")');
    assert.match(await textOf('#dialog .shown pre'), /"title":"<img src=x onerror=/);
    assert.equal(await page.locator('#dialog img').count(), 0);
    assert.equal(await page.title(), 'Messages · Lyftr');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.click('#dialog button:text-is("Copy as cURL")');
    await shows('#dialog', /Copied/);
    const command = await page.evaluate<string>('navigator.clipboard.readText()');
    assert.ok(
      command.startsWith(`curl '${system.origin}/webhook/code' \\\n  -H 'content-type: application/json'`),
    );
    assert.match(command, /-H 'x-github-delivery: d-1'/);
  });

  test('a form is a table of its fields', async () => {
    await open('/?tab=messages&id=code:d-2');
    await page.waitForSelector('dialog[open] .shown .pairs');
    assert.match(await textOf('#dialog .shown .pairs'), /^payload\{\n {2}"ref"/);
  });

  test('a message is opened by its whole id, or nothing has it', async () => {
    await open('/?tab=messages');
    await page.fill('#message-id', 'plain');
    await page.keyboard.press('Enter');
    await shows('#dialog-body', /two hours ago/);
    await page.keyboard.press('Escape');
    await page.fill('#message-id', 'plai');
    await page.keyboard.press('Enter');
    await shows('#dialog-body', 'No message has the id “plai”.');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog:not([open])', { state: 'attached' });
  });

  test('a period ends now, and a time of its own ends the period', async () => {
    await open('/?tab=messages&from=alice');
    await shows('#total', '1 match');
    await page.click('button:text-is("Last hour")');
    await shows('#total', '0 matches');
    await page.click('button:text-is("Last 24 hours")');
    await shows('#total', '1 match');
    assert.equal(await search(), '?tab=messages&from=alice&last=24h');
    assert.equal(await page.getAttribute('[data-last="24h"]', 'aria-pressed'), 'true');
    await page.fill('#since', '2020-01-01T00:00:00');
    await eventually('the period is gone', async () => !(await search()).includes('last='));
    assert.equal(await page.getAttribute('[data-last="24h"]', 'aria-pressed'), 'false');
    const exported = new URL((await page.getAttribute('#export-csv', 'href')) ?? '', system.origin);
    assert.equal(exported.searchParams.get('since'), '2020-01-01T05:00:00Z');
  });

  test('a conflicting duplicate stands beside what is stored, with its differences marked', async () => {
    await open('/?tab=dead-letters&kind=conflicting_duplicate');
    await shows('#letters', /code:d-1 via code/);
    await page.click('#letters .row');
    await shows('#dialog .compare', /Text≠ differs/);
    assert.match(await textOf('#dialog .compare tr:has(th:has-text("From"))'), /equal/);
    const marks = await page.locator('#dialog .compare tr:has(th:has-text("Text")) mark').allTextContents();
    assert.deepEqual(marks, [HOSTILE, 'another title']);
    assert.equal(await page.locator('#dialog img').count(), 0);
  });

  test('an unmapped delivery shows the parts that had no rule', async () => {
    await open('/?tab=dead-letters&kind=unmapped_delivery&source=hub');
    await shows('#letters', /unmapped delivery/);
    await page.click('#letters .row');
    await shows('#dialog .pointers', /^\/entry\/0\/changes\/0\/value\/messages\/0/);
    await page.click('#dialog .pointers summary');
    assert.match(await textOf('#dialog .pointers pre'), /"type": "hologram"/);
    assert.match(await textOf('#dialog .shown pre'), /"object": "whatsapp_business_account"/);
    assert.equal(await page.locator('#new-id').count(), 0);
  });

  test('all of a filter are replayed after their exact number was confirmed', async () => {
    await open('/?tab=dead-letters');
    await shows('#letters', /#4/);
    await page.selectOption('#letters-kind', 'unmapped_delivery');
    await page.selectOption('#letters-source', 'hub');
    await page.click('#letters-replay-all');
    await shows(
      '#bulk-question',
      'Replay 3 dead letters of the kind “unmapped delivery” of the source “hub”?',
    );
    await page.click('#bulk button:text-is("Cancel")');
    assert.equal(letters("kind = 'unmapped_delivery'"), 3);
    writeSources('raw');
    const writer = system.process('writer');
    writer.child.kill('SIGHUP');
    await eventually('the writer has read the file', () => writer.logged('read the sources file'));
    await page.click('#letters-replay-all');
    await page.click('#bulk button:text-is("Replay 3")');
    await shows('#bulk-result', '3 of 3 replayed.');
    await eventually('the messages are stored', () => {
      const [row] = system.rows("SELECT count(*) FROM messages WHERE text LIKE '%hologram%'");
      return row?.[0] === 3;
    });
    assert.equal(letters("kind = 'unmapped_delivery'"), 0);
    assert.equal(letters("kind = 'conflicting_duplicate'"), 1);
    await shows('#letters', /No dead letters of this kind/);
  });

  test('a run stops at the button, and only what the filter selects is discarded', async () => {
    for (let i = 0; i < 4; i++) {
      const body = JSON.stringify({
        message_id: 'plain',
        from: 'eve',
        to: 'bob',
        ts: 1,
        text: `another ${i}`,
      });
      assert.equal((await system.post(body)).status, 200);
    }
    await eventually('five letters', () => letters('1') === 5);
    await open('/?tab=dead-letters&source=code');
    await page.click('#letters-replay-all');
    await shows('#bulk-question', /^There is nothing to replay\. 1 conflicting duplicate needs a new id/);
    await page.click('#bulk button:text-is("Close")');
    await page.click('#letters-discard-all');
    await page.click('#bulk button:text-is("Discard 1")');
    await shows('#bulk-result', '1 of 1 discarded.');
    assert.equal(letters("source = 'code'"), 0);
    assert.equal(letters('1'), 4);
    // the first answer waits until the button was pressed
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/dead-letters/*', async (route) => {
      if (route.request().method() === 'DELETE') await held;
      await route.continue().catch(() => {});
    });
    await open('/?tab=dead-letters');
    await page.click('#letters-discard-all');
    await shows('#bulk-question', 'Discard 4 dead letters? They cannot be brought back.');
    await page.click('#bulk button:text-is("Discard 4")');
    await page.click('#bulk button:text-is("Stop")');
    release();
    await shows('#bulk-result', '1 of 4 discarded. You stopped it; the rest is unchanged.');
    assert.equal(letters('1'), 3);
    await page.unroute('**/dead-letters/*');
  });

  test('axe finds nothing serious in light, dark and narrow, and nothing is wider than the screen', async () => {
    const paths: [string, string][] = [
      ['/?tab=sources', '.source'],
      ['/?tab=rejects', '.reject'],
      ['/?tab=messages&source=code&last=7d', '#messages'],
      ['/?tab=messages&id=code:d-2', 'dialog[open] .pairs'],
      ['/?tab=dead-letters', '.letter'],
    ];
    const [letter] = system.rows('SELECT id FROM dead_letters')[0] as [number];
    paths.push([`/?tab=dead-letters&letter=${letter}`, 'dialog[open] .compare']);
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 844 });
        await page.emulateMedia({ colorScheme });
        for (const [path, selector] of paths) {
          await open(path);
          await page.waitForSelector(selector, { state: 'attached' });
          await shows('#status', /all stored|dead letter/);
          const where = `${path} in ${colorScheme} at ${width}`;
          assert.deepEqual(await seriousViolations(page), [], where);
          assert.ok((await overflow(page)) <= 0, where);
          const inDialog = await page.evaluate<number>(
            'document.querySelector("dialog").scrollWidth - document.querySelector("dialog").clientWidth',
          );
          assert.ok(inDialog <= 0, `dialog of ${where}`);
        }
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('every placeholder fits its field at 390 pixels', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open('/?tab=messages');
    const missing = await page.evaluate<
      [string, number][]
    >(`[...document.querySelectorAll('input[placeholder]')]
      .filter((field) => field.offsetParent !== null)
      .map((field) => {
        const style = getComputedStyle(field);
        const context = document.createElement('canvas').getContext('2d');
        // the shorthand is empty, because the digits are tabular
        context.font = style.fontSize + ' ' + style.fontFamily;
        const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        return [field.id, context.measureText(field.placeholder).width - room];
      })`);
    assert.ok(missing.length >= 4);
    for (const [id, pixels] of missing) assert.ok(pixels <= 0, `#${id}: ${pixels} pixels`);
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  test('without sources, nothing speaks of them but the page that says how to begin', async () => {
    writeFileSync(file, '{"sources": []}');
    system.process('query').child.kill('SIGHUP');
    await open('/?tab=sources');
    await shows('#sources-empty', /SOURCES_FILE.*lyftr sources init PROVIDER/s);
    await eventually('it is shown', () => page.isVisible('#sources-empty'));
    await open('/?tab=messages');
    await shows('#total', /messages/);
    assert.equal(await page.isVisible('#source'), false);
  });

  test('nobody complained', () => {
    assert.deepEqual(
      browser.complaints.filter((complaint) => !complaint.endsWith('/messages/plai)')),
      [],
    );
  });
});
