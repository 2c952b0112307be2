/** The console in a browser, against a running system. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { browserFault, overflow, seriousViolations, startBrowser, type Browser } from './browser.js';
import { eventually, System } from './system.js';

const TOKEN = 'token-for-tests';
const MESSAGES = 120;
/** Saturday, 9 March 2024, 16:00 UTC: 11:00 in New York, where the browser is. */
const BASE_TS = 1_710_000_000;
const HOSTILE = '<img src=x onerror="document.title = `broken`"><b>bold</b>';

describe('console', { skip: browserFault }, () => {
  let system: System;
  let browser: Browser;
  let page: Browser['page'];

  before(async () => {
    system = await System.start({ API_TOKEN: TOKEN });
    await giveQueryItsActions();
    await fill();
    browser = await startBrowser();
    page = browser.page;
  });
  after(async () => {
    await browser?.close();
    await system?.stop();
  });

  /** Intake has its port only now. */
  async function giveQueryItsActions(): Promise<void> {
    const query = system.process('query');
    const port = String(await query.port());
    await query.stop();
    await system.startService('query', { QUERY_PORT: port, INGEST_URL: system.origin });
  }

  async function fill(): Promise<void> {
    const messages = Array.from({ length: MESSAGES }, (_, i) => ({
      message_id: `m-${String(i).padStart(3, '0')}`,
      from: i % 3 === 0 ? 'alice' : 'bob',
      to: 'carol',
      ts: BASE_TS + i * 60,
      text: i === 7 ? HOSTILE : `parcel ${i}${i % 2 === 0 ? ' even' : ''}`,
      ...(i === 7 ? { channel: 'sms' } : {}),
    }));
    const body = JSON.stringify(messages).replace('"sms"', '"sms","order":9007199254740993');
    const { status } = await system.post(body, {}, '/webhook/batch');
    assert.equal(status, 200);
    await system.stored(MESSAGES);
  }

  const open = (path: string) => page.goto(`${system.origin}${path}`);
  const textOf = async (selector: string) => (await page.textContent(selector)) ?? '';
  const shows = (selector: string, wanted: RegExp | string) =>
    eventually(`${selector} shows ${String(wanted)}`, async () => {
      const text = await textOf(selector);
      return typeof wanted === 'string' ? text === wanted : wanted.test(text);
    });
  const rows = () => page.locator('#messages .row').count();
  const search = () => page.evaluate<string>('location.search');

  async function post(id: string, text: string, headers: Record<string, string> = {}): Promise<number> {
    const body = JSON.stringify({ message_id: id, from: 'dave', to: 'carol', ts: BASE_TS - 60, text });
    return (await system.post(body, headers)).status;
  }

  test('a browser signs in once, and then goes where it wanted to', async () => {
    await open('/?tab=messages&q=even');
    assert.match(page.url(), /\/sign-in\?next=/);
    assert.deepEqual(await seriousViolations(page), []);
    await page.fill('#token', 'wrong');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=alert]');
    assert.match(await textOf('[role=alert]'), /token is wrong/);
    await page.fill('#token', TOKEN);
    await page.click('button');
    await shows('#total', '60 matches');
    assert.equal(await search(), '?tab=messages&q=even');
    assert.equal(await page.evaluate('document.cookie'), '');
    await open('/docs');
    await page.waitForSelector('.opblock-summary-path');
    assert.match(await textOf('#swagger-ui'), /\/dead-letters\/\{id\}\/replay/);
  });

  test('a link on another site leads into the session', async () => {
    const elsewhere = createServer((_req, res) => {
      res
        .setHeader('content-type', 'text/html')
        .end(`<a href="${system.origin}/?tab=messages&q=even">link</a>`);
    }).listen(0, 'localhost');
    await once(elsewhere, 'listening');
    // another site than 127.0.0.1, to a browser
    await page.goto(`http://localhost:${(elsewhere.address() as AddressInfo).port}/`);
    await page.click('a');
    await shows('#total', '60 matches');
    elsewhere.closeAllConnections();
    elsewhere.close();
  });

  test('the overview moves while messages come', async () => {
    await open('/');
    await shows('#status', 'all stored');
    await shows('#ledger-accepted', String(MESSAGES));
    assert.equal(await textOf('#tile-signatures'), '0');
    for (let i = 0; i < 30; i++) assert.equal(await post(`load-${i}`, 'load'), 200);
    assert.equal(await post('forged', 'forged', { 'x-signature': '0'.repeat(64) }), 401);
    await shows('#tile-rate', /^[1-9][\d.]*\/s$/);
    await shows('#ledger-accepted', String(MESSAGES + 30));
    await shows('#ledger-created', String(MESSAGES + 30));
    await shows('#tile-signatures', '1');
    await shows('#status', 'all stored');
    assert.equal(await page.locator('#charts canvas').count(), 4);
    assert.equal(await page.locator('#ledger-written_off').isVisible(), false);
    const writeOff = (messages: number): void => {
      const database = new Database(databaseFile(system.env['DATA_DIR'] as string));
      database.prepare("UPDATE counters SET value = ? WHERE name = 'written_off'").run(messages);
      database.close();
    };
    writeOff(3);
    await shows('#ledger-written_off', '3');
    assert.equal(await page.locator('#ledger-written_off').isVisible(), true);
    writeOff(0);
    await shows('#ledger-accepted', String(MESSAGES + 30));
    await page.click('text=Processes');
    await shows('#processes', /ingest.*up.*query.*up.*writer.*up/s);
  });

  test('a search follows the typing, and the address follows the search', async () => {
    await open('/?tab=messages');
    await shows('#total', `${MESSAGES + 30} messages`);
    assert.equal(await rows(), 50);
    await page.waitForSelector('#timeline:not([hidden]) canvas');
    await page.focus('#q');
    await page.keyboard.type('parcel 1');
    // parcel 1, 10 to 19, 100 to 119
    await shows('#total', '31 matches');
    assert.equal(await search(), '?tab=messages&q=parcel+1');
    assert.equal(await page.locator('#messages mark').first().textContent(), 'parcel 1');
    const csv = new URL((await page.getAttribute('#export-csv', 'href')) ?? '', system.origin);
    assert.equal(csv.pathname, '/export');
    assert.deepEqual(Object.fromEntries(csv.searchParams), { format: 'csv', q: 'parcel 1', order: 'desc' });
    const ndjson = (await page.getAttribute('#export-ndjson', 'href')) ?? '';
    assert.match(ndjson, /format=ndjson&q=parcel\+1/);
    const exported = await page.evaluate(async (href) => (await fetch(href)).text(), ndjson);
    assert.equal(exported.trimEnd().split('\n').length, 31);
    await page.fill('#from', 'alice');
    await shows('#total', '9 matches');
    await page.goBack();
    await shows('#total', '31 matches');
    assert.equal(await page.inputValue('#from'), '');
    await page.click('#clear');
    await page.selectOption('#order', 'asc');
    // the clock of New York on that day
    await page.fill('#since', '2024-03-09T11:10:00');
    await page.fill('#until', '2024-03-09T11:20:00');
    await shows('#total', '10 matches');
    assert.equal(new URLSearchParams(await search()).get('since'), '2024-03-09T16:10:00Z');
    assert.match(await textOf('#messages .row >> nth=0'), /parcel 10/);
    await page.click('#clear');
    await page.click('#senders button:has-text("alice")');
    await shows('#total', '40 matches');
    assert.equal(await page.inputValue('#from'), 'alice');
  });

  test('an answer that comes late does not replace a newer one', async () => {
    await open('/?tab=messages');
    await shows('#total', `${MESSAGES + 30} messages`);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/messages?q=parcel&*', async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
    const asked = page.waitForRequest('**/messages?q=parcel&*');
    await page.fill('#q', 'parcel');
    const late = await asked;
    const isLate = (request: unknown) => request === late;
    const settled = Promise.race([
      page.waitForEvent('requestfinished', isLate),
      page.waitForEvent('requestfailed', isLate),
    ]);
    await page.fill('#q', 'parcel 11');
    await shows('#total', '11 matches');
    release();
    await settled;
    // whatever came of it has been drawn
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    assert.equal(await textOf('#total'), '11 matches');
    await page.fill('#q', 'nothing like it');
    await shows('#total', '0 matches');
    assert.match(await textOf('#messages'), /No matches/);
    await page.unroute('**/messages?q=parcel&*');
  });

  test('pages are turned, and Back turns back', async () => {
    await open('/?tab=messages&q=parcel');
    await shows('#range', '1 to 50 of 119');
    await page.click('#next');
    await shows('#range', '51 to 100 of 119');
    await page.click('#next');
    await shows('#range', '101 to 119 of 119');
    assert.equal(await page.isDisabled('#next'), true);
    await page.goBack();
    await shows('#range', '51 to 100 of 119');
    await page.reload();
    await shows('#range', '51 to 100 of 119');
  });

  test('what a sender wrote is text, and a message opens and closes from the keyboard', async () => {
    await open('/');
    await page.keyboard.press('/');
    await page.keyboard.type('ONERROR');
    await shows('#total', '1 match');
    assert.match(await textOf('#messages .text'), /^<img src=x onerror=/);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open]');
    assert.equal(await textOf('#dialog pre >> nth=0'), HOSTILE);
    assert.match(await textOf('#dialog'), /"channel": "sms",\n {2}"order": 9007199254740993\n/);
    assert.match(await textOf('#dialog'), /2024-03-09T16:07:00Z/);
    assert.match(await search(), /id=m-007/);
    assert.equal(await page.locator('#messages img, #messages b b, #dialog img').count(), 0);
    assert.equal(await page.title(), 'Messages · Lyftr');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog:not([open])', { state: 'attached' });
    assert.doesNotMatch(await search(), /id=/);
    assert.equal(await page.evaluate('document.activeElement.dataset.id'), 'm-007');
  });

  test('a conflicting duplicate is replayed under a free id, and another letter discarded', async () => {
    for (const id of ['m-001', 'm-002']) assert.equal(await post(id, `another ${id}`), 200);
    await eventually('two letters', () => system.rows('SELECT id FROM dead_letters').length === 2);
    await open('/?tab=dead-letters');
    await shows('#dead-letter-badge', '2');
    await page.click('.letter:has-text("m-001")');
    await page.fill('#new-id', 'm-003');
    await page.click('dialog button:text-is("Replay")');
    await shows('dialog .alert', /already stored under "m-003"/);
    await page.fill('#new-id', 'm-001-again');
    await page.click('dialog button:text-is("Replay")');
    await shows('#letters-done', /1 message acknowledged again, and the dead letter was discarded/);
    await eventually('it is stored', () => {
      const [row] = system.rows("SELECT text FROM messages WHERE message_id = 'm-001-again'");
      return row?.[0] === 'another m-001';
    });
    await page.click('.letter:has-text("m-002")');
    await page.click('dialog button:text-is("Discard")');
    assert.equal(system.rows('SELECT id FROM dead_letters').length, 1);
    await page.click('dialog button:text-is("Discard permanently?")');
    await shows('#letters', /No dead letter/);
    assert.deepEqual(system.rows('SELECT id FROM dead_letters'), []);
  });

  test('axe finds nothing serious in light, dark and narrow, and nothing is wider than 360 pixels', async () => {
    const paths = [
      '/',
      '/?tab=messages&q=parcel',
      '/?tab=messages&id=m-007',
      '/?tab=dead-letters',
      '/?tab=processes',
    ];
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 360]) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        for (const path of paths) {
          await open(path);
          await shows('#status', 'all stored');
          await page.waitForSelector(path.includes('id=') ? 'dialog[open]' : 'section:not([hidden])');
          const where = `${path} in ${colorScheme} at ${width}`;
          assert.deepEqual(await seriousViolations(page), [], where);
          assert.ok((await overflow(page)) <= 0, where);
        }
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('the theme can be chosen, and stays', async () => {
    const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    await open('/');
    const light = await ground();
    await page.click('#theme');
    await page.click('#theme');
    assert.equal(await textOf('#theme'), 'Theme: dark');
    const dark = await ground();
    assert.notEqual(dark, light);
    await page.reload();
    assert.equal(await ground(), dark);
    await page.click('#theme');
  });

  test('the queue is shown, and nobody complained', async () => {
    await open('/queues');
    await page.waitForSelector('text=deliveries');
    const expected = [
      // tests that ask for what is refused
      /\/sign-in/,
      /\/dead-letters\/\d+\/replay\)$/,
      // bull-board asks for fonts elsewhere, and its policy says no
      /fonts\.googleapis\.com/,
    ];
    assert.deepEqual(
      browser.complaints.filter((complaint) => !expected.some((pattern) => pattern.test(complaint))),
      [],
    );
  });

  test('Redis away is said, reads go on, and it is noticed when it is back', async () => {
    await open('/?tab=messages');
    await shows('#status', 'all stored');
    await system.process('redis').stop('SIGKILL');
    await shows('#status', 'Redis not responding');
    await page.fill('#q', 'parcel 11');
    await shows('#total', '11 matches');
    const away = await open('/queues');
    assert.equal(away?.status(), 503);
    assert.match(await textOf('h1'), /Redis is not responding/);
    await system.startRedis();
    await open('/');
    await shows('#status', 'all stored');
  });

  test('an open page does not hold up the end of intake', async () => {
    await shows('#status', 'all stored');
    assert.equal(await system.process('ingest').stop(), 0);
    await shows('#status', 'connection lost');
  });
});
