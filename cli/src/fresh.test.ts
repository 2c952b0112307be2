import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleEvents, exampleProviders, readExample, type Example } from '@lyftr/sources/examples';
import { Expressions } from '@lyftr/sources/mapping/jsonata';
import { mapDelivery } from '@lyftr/sources/mapping/mapping';
import { SCHEMES } from '@lyftr/sources/schemes';
import type { SchemeName } from '@lyftr/sources/source';
import { freshExample } from './fresh.js';
import { PROVIDERS } from './providers.js';

const NOW_MS = Date.UTC(2026, 10, 25, 12);

/** The ids and times of the messages that an example becomes. */
async function messagesOf(provider: string, { contentType, headers, body }: Example) {
  const settings = PROVIDERS[provider]?.members('https://hooks.example.com/webhook/any');
  const scheme = SCHEMES[settings?.scheme as SchemeName];
  const request = { method: 'POST', url: '/webhook/any', headers, body, nowMs: NOW_MS };
  const id = scheme.deliveryId?.(request, settings ?? {}) ?? body.toString();
  const delivery = {
    source: 's',
    scheme: 'generic',
    contentType,
    headers,
    body,
    verifiedAtMs: NOW_MS,
  } as const;
  // ids of raw messages may be longer here than a digest
  const mapped = await mapDelivery({ ...delivery, id: id.slice(-200) }, scheme.preset, new Expressions());
  assert.deepEqual(mapped.leftovers, []);
  return mapped.messages;
}

for (const provider of exampleProviders())
  for (const event of exampleEvents(provider)) {
    test(`${provider} ${event} is a new message each time, of the present time`, async () => {
      const example = readExample(provider, event);
      const [first, second, same] = await Promise.all([
        messagesOf(provider, freshExample(example, NOW_MS, false)),
        messagesOf(provider, freshExample(example, NOW_MS, false)),
        messagesOf(provider, freshExample(example, NOW_MS, true)),
      ]);
      const ids = [...first, ...second, ...same].map(({ message_id }) => message_id);
      assert.equal(new Set(ids).size, ids.length, ids.join());
      for (const { ts } of first)
        assert.ok(Math.abs(ts - NOW_MS / 1_000) < 2 * 3_600, new Date(ts * 1_000).toISOString());
      assert.deepEqual(
        first.map(({ from, to }) => [from, to]),
        same.map(({ from, to }) => [from, to]),
      );
    });

    test(`${provider} ${event} can be sent as it is`, () => {
      const example = readExample(provider, event);
      const same = freshExample(example, NOW_MS, true);
      if (provider !== 'linear') assert.deepEqual(same, example);
      else assert.match(same.body.toString(), new RegExp(`"webhookTimestamp":${NOW_MS}\\b`));
      assert.deepEqual(same.headers, example.headers);
    });
  }

test('an id that occurs several times stays one', () => {
  const { body } = freshExample(readExample('twilio', 'message'), NOW_MS, false);
  const fields = new URLSearchParams(body.toString());
  assert.match(fields.get('MessageSid') ?? '', /^SM[0-9a-f]{32}$/);
  assert.equal(fields.get('SmsSid'), fields.get('MessageSid'));
  assert.equal(fields.get('AccountSid'), `AC${'0'.repeat(32)}`);
});
