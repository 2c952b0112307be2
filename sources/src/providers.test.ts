/** Deliveries that the providers' own libraries sign, and ours as these libraries see them. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { LinearWebhookClient } from '@linear/sdk/webhooks';
import { Paddle } from '@paddle/paddle-node-sdk';
import { sign as signForGitHub, verify as verifyForGitHub } from '@octokit/webhooks-methods';
import { shopifyApi, ApiVersion } from '@shopify/shopify-api';
// it makes itself known to the library, and exports nothing
// oxlint-disable-next-line import/no-unassigned-import
import '@shopify/shopify-api/adapters/node';
import { verifyKey } from 'discord-interactions';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Stripe } from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import twilio from 'twilio';
import { openSource } from './open.js';
import type { Headers, SchemeName, SourceSettings, Verdict } from './source.js';
import { ADDRESS, bodyOf, keyOf, NOW_MS, requestOf, settingsOf, sourceOf } from './testing.js';

const NOW_SECONDS = NOW_MS / 1_000;

/** What we make of headers that a library has made. */
function verdictOf(
  scheme: SchemeName,
  headers: Headers,
  changes: Partial<SourceSettings> = {},
  url = '',
): Verdict {
  const keys = [{ id: 'main', secret: keyOf(scheme).verifying }];
  const source = openSource({ ...settingsOf(scheme), name: 'any', scheme, keys, ...changes });
  return source.verify({ method: 'POST', url, headers, body: bodyOf(scheme), nowMs: NOW_MS });
}

const isOk = (verdict: Verdict): void => assert.ok('ok' in verdict, JSON.stringify(verdict));
const text = (scheme: SchemeName): string => bodyOf(scheme).toString();
const headersOf = (scheme: SchemeName) => requestOf(scheme).headers as Record<string, string>;
/** Signed now: most libraries know no other time. */
const fresh = (scheme: SchemeName, changes = {}) =>
  requestOf(scheme, { nowMs: Date.now(), body: bodyOf(scheme), ...changes }).headers as Record<
    string,
    string
  >;

test('standardwebhooks and svix', () => {
  for (const Library of [StandardWebhook, SvixWebhook]) {
    const library = new Library(keyOf('standard-webhooks').signing);
    const signature = library.sign('msg_1', new Date(NOW_MS), text('standard-webhooks'));
    for (const prefix of ['webhook-', 'svix-']) {
      isOk(
        verdictOf('standard-webhooks', {
          [`${prefix}id`]: 'msg_1',
          [`${prefix}timestamp`]: String(NOW_SECONDS),
          [`${prefix}signature`]: signature,
        }),
      );
    }
    library.verify(text('standard-webhooks'), fresh('standard-webhooks'));
  }
});

test('@octokit/webhooks-methods, for GitHub and for Meta, which signs alike', async () => {
  for (const scheme of ['github', 'meta'] as const) {
    const { signing } = keyOf(scheme);
    isOk(verdictOf(scheme, { 'x-hub-signature-256': await signForGitHub(signing, text(scheme)) }));
    const ours = headersOf(scheme)['x-hub-signature-256'] as string;
    assert.ok(await verifyForGitHub(signing, text(scheme), ours));
  }
});

test('stripe', () => {
  const { webhooks } = new Stripe('sk_test_any');
  const { signing } = keyOf('stripe');
  const header = webhooks.generateTestHeaderString({
    payload: text('stripe'),
    secret: signing,
    timestamp: NOW_SECONDS,
  });
  isOk(verdictOf('stripe', { 'stripe-signature': header }));
  webhooks.constructEvent(bodyOf('stripe'), fresh('stripe')['stripe-signature'] as string, signing);
});

test('@paddle/paddle-node-sdk', async () => {
  const { webhooks } = new Paddle('any');
  const header = fresh('paddle')['paddle-signature'] as string;
  assert.equal(await webhooks.isSignatureValid(text('paddle'), keyOf('paddle').signing, header), true);
  assert.equal(await webhooks.isSignatureValid(text('paddle'), 'another', header), false);
});

test('@shopify/shopify-api', async () => {
  const shopify = shopifyApi({
    apiKey: 'any',
    apiSecretKey: keyOf('shopify').signing,
    hostName: 'any.example.com',
    apiVersion: Object.values(ApiVersion)[0] as ApiVersion,
    isEmbeddedApp: false,
  });
  const headers = {
    ...headersOf('shopify'),
    'X-Shopify-Topic': 'orders/create',
    'X-Shopify-Api-Version': '2026-01',
    'X-Shopify-Shop-Domain': 'any.myshopify.com',
  };
  const rawRequest = { method: 'POST', url: '/', headers } as never;
  const { valid } = await shopify.webhooks.validate({ rawBody: text('shopify'), rawRequest });
  assert.equal(valid, true);
});

test('@linear/sdk', () => {
  const library = new LinearWebhookClient(keyOf('linear').signing);
  const body = Buffer.from(JSON.stringify({ webhookTimestamp: Date.now() }));
  const signature = fresh('linear', { body })['linear-signature'] as string;
  assert.equal(library.verify(body, signature), true);
  assert.throws(() => library.verify(bodyOf('linear'), signature));
});

test('twilio: forms, a query, repeated values, another port, and a body that is no form', () => {
  const { signing } = keyOf('twilio');
  const params = { MessageSid: 'SM1', From: '+14155550100', To: '+14155550101', Body: 'hello there' };
  const form = { ...params, MediaUrl: ['b', 'a', 'b'] };
  for (const url of ['/webhook/any', '/webhook/any?a=1&b=%2F']) {
    const query = url.slice('/webhook/any'.length);
    for (const address of [ADDRESS, ADDRESS.replace('.com', '.com:443')]) {
      const signature = twilio.getExpectedTwilioSignature(signing, address + query, form);
      isOk(verdictOf('twilio', { 'x-twilio-signature': signature }, {}, url));
    }
    const ours = requestOf('twilio', { url, body: bodyOf('twilio') }).headers['x-twilio-signature'] as string;
    assert.ok(twilio.validateRequest(signing, ours, ADDRESS + query, form));
  }
  const body = Buffer.from('{"a":1}');
  const url = `/webhook/any?bodySHA256=${twilio.getExpectedBodyHash(body.toString())}`;
  const ours = requestOf('twilio', { url, body }).headers['x-twilio-signature'] as string;
  const address = ADDRESS + url.slice('/webhook/any'.length);
  assert.ok(twilio.validateRequestWithBody(signing, ours, address, body.toString()));
  const sent = { method: 'POST', url, headers: { 'x-twilio-signature': ours }, nowMs: NOW_MS };
  isOk(sourceOf('twilio').verify({ ...sent, body }));
  assert.deepEqual(sourceOf('twilio').verify({ ...sent, body: Buffer.from('{"a":2}') }), { reason: 'wrong' });
});

test('@sendgrid/eventwebhook', () => {
  const library = new EventWebhook();
  const key = library.convertPublicKeyToECDSA(keyOf('sendgrid').verifying);
  const { headers, body } = requestOf('sendgrid');
  const [signature, time] = ['signature', 'timestamp'].map(
    (name) => headers[`x-twilio-email-event-webhook-${name}`] as string,
  );
  assert.equal(library.verifySignature(key, body, signature as string, time as string), true);
});

test('discord-interactions', async () => {
  const { headers, body } = requestOf('discord');
  const [signature, time] = ['x-signature-ed25519', 'x-signature-timestamp'].map(
    (name) => headers[name] as string,
  );
  const key = keyOf('discord').verifying;
  assert.equal(await verifyKey(body, signature as string, time as string, key), true);
});

test('Slack, Zoom and Square, as their documents describe them', () => {
  const mac = (secret: string, signed: string, encoding: 'hex' | 'base64') =>
    createHmac('sha256', secret).update(signed).digest(encoding);
  for (const [scheme, prefix] of [
    ['slack', 'x-slack'],
    ['zoom', 'x-zm'],
  ] as const) {
    const signature = `v0=${mac(keyOf(scheme).signing, `v0:${NOW_SECONDS}:${text(scheme)}`, 'hex')}`;
    isOk(
      verdictOf(scheme, {
        [`${prefix}-signature`]: signature,
        [`${prefix}-request-timestamp`]: String(NOW_SECONDS),
      }),
    );
  }
  const signature = mac(keyOf('square').signing, ADDRESS + text('square'), 'base64');
  isOk(verdictOf('square', { 'x-square-hmacsha256-signature': signature }));
});
