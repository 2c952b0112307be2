/** What the console says when a process that it depends on is frozen, and for addresses that lead nowhere. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { browserFault, startBrowser, type Browser } from './browser.js';
import { eventually, System } from './system.js';

const TOKEN = 'token-for-tests';
const MESSAGES = 60;
const RIGHT_TO_LEFT = 'שלום (1)';

describe('console in doubt', { skip: browserFault }, () => {
  let system: System;
  let browser: Browser;
  let page: Browser['page'];

  before(async () => {
    system = await System.start({ API_TOKEN: TOKEN });
    const messages = Array.from({ length: MESSAGES }, (_, i) => ({
      message_id: `m-${i}`,
      from: 'alice',
      to: 'bob',
      // one a year, from 1970 on
      ts: i * 31_557_600,
      text: i === MESSAGES - 1 ? RIGHT_TO_LEFT : `parcel ${i}`,
    }));
    assert.equal((await system.post(JSON.stringify(messages), {}, '/webhook/batch')).status, 200);
    await system.stored(MESSAGES);
    browser = await startBrowser();
    page = browser.page;
    await page.goto(`${system.origin}/`);
    await page.fill('#token', TOKEN);
    await page.click('button');
    await shows('#status', 'all stored');
  });
  after(async () => {
    await browser?.close();
    await system?.stop();
  });

  const open = (path: string) => page.goto(`${system.origin}${path}`);
  const shows = (selector: string, wanted: RegExp | string) =>
    eventually(`${selector} shows ${String(wanted)}`, async () => {
      const text = (await page.textContent(selector)) ?? '';
      return typeof wanted === 'string' ? text === wanted : wanted.test(text);
    });

  test('an address that leads nowhere leads to the nearest place', async () => {
    await open('/?tab=constructor');
    await shows('#status', 'all stored');
    assert.equal(await page.title(), 'Overview · Lyftr');
    await open('/?tab=messages&page=99999');
    await shows('#range', '51 to 60 of 60');
    assert.match(await page.evaluate<string>('location.search'), /page=2$/);
    await page.click('#previous');
    await shows('#range', '1 to 50 of 60');
    await open('/?tab=messages&q=parcel+1&page=7');
    await shows('#range', '1 to 11 of 11');
    await open('/?tab=dead-letters&page=99999');
    await shows('#letters', /No dead letter/);
  });

  test('a text has its own direction, and a field for a time is as wide as what stands in it', async () => {
    await open('/?tab=messages&q=' + encodeURIComponent('שלום'));
    await shows('#total', '1 match');
    const direction = await page.evaluate(
      'getComputedStyle(document.querySelector("#messages .text")).direction',
    );
    assert.equal(direction, 'rtl');
    for (const width of [360, 390, 700, 1000, 1200, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      for (const id of ['since', 'until', 'order']) {
        const missing = await page.evaluate<number>(`(() => {
          const field = document.querySelector('#${id}');
          const whole = field.cloneNode(true);
          whole.style.cssText = 'position: absolute; width: max-content';
          field.after(whole);
          const missing = whole.offsetWidth - field.offsetWidth;
          whole.remove();
          return missing;
        })()`);
        assert.ok(missing <= 0, `#${id}: ${missing} pixels at ${width}`);
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  test('a discard that a frozen writer does not confirm is said at once, and its end later', async () => {
    const conflict = JSON.stringify({ message_id: 'm-1', from: 'alice', to: 'bob', ts: 1, text: 'another' });
    assert.equal((await system.post(conflict)).status, 200);
    await open('/?tab=dead-letters');
    await shows('#status', '1 dead letter');
    await shows('#dead-letter-badge', '1');
    await page.click('.letter');
    await page.click('dialog button:text-is("Discard")');
    const writer = system.process('writer').child;
    writer.kill('SIGSTOP');
    try {
      await page.click('dialog button:text-is("Discard permanently?")');
      assert.match((await page.textContent('dialog .note')) ?? '', /^Discarding #1: waiting/);
      await page.keyboard.press('Escape');
      assert.match((await page.textContent('#letters-pending')) ?? '', /^Discarding #1: waiting/);
      await shows('#letters-pending', /did not confirm the change/);
    } finally {
      writer.kill('SIGCONT');
    }
    await shows('#letters-done', /#1 no longer exists/);
    await shows('#letters', /No dead letter/);
    assert.equal(await page.isVisible('#letters-pending'), false);
  });

  test('a frozen query makes every page say that nothing is known', async () => {
    const query = system.process('query').child;
    for (const [name, tab] of [
      ['overview', ''],
      ['messages', '?tab=messages'],
      ['dead-letters', '?tab=dead-letters'],
      ['processes', '?tab=processes'],
    ]) {
      await open(`/${tab}`);
      await shows('#status', /all stored|dead letter/);
      query.kill('SIGSTOP');
      try {
        await shows('#status', 'not known');
        assert.equal(await page.isVisible('#stale'), true, name);
        assert.match((await page.textContent('#stale')) ?? '', /^Not known: /);
        assert.equal(await page.getAttribute('#status', 'data-level'), 'unknown');
        if (name === 'overview')
          assert.doesNotMatch((await page.textContent('#verdict')) ?? '', /Nothing waits/);
        if (name === 'processes') assert.doesNotMatch((await page.textContent('#processes')) ?? '', /\bup\b/);
      } finally {
        query.kill('SIGCONT');
      }
      await shows('#status', /all stored|dead letter/);
      assert.equal(await page.isVisible('#stale'), false);
    }
  });
});
