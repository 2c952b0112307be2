/** What every scheme has to do, whatever it signs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { openSource } from './open.js';
import { SCHEMES } from './schemes.js';
import { SCHEME_NAMES, type Headers, type SchemeName, type SignedRequest } from './source.js';
import { keyOf, NOW_MS, otherKeyOf, requestOf, settingsOf, SIGNING, sourceOf, whpk } from './testing.js';

const SIGNATURE_HEADERS: Record<SchemeName, string> = {
  lyftr: 'x-signature',
  'standard-webhooks': 'webhook-signature',
  github: 'x-hub-signature-256',
  meta: 'x-hub-signature-256',
  stripe: 'stripe-signature',
  slack: 'x-slack-signature',
  shopify: 'x-shopify-hmac-sha256',
  paddle: 'paddle-signature',
  linear: 'linear-signature',
  square: 'x-square-hmacsha256-signature',
  twilio: 'x-twilio-signature',
  zoom: 'x-zm-signature',
  discord: 'x-signature-ed25519',
  sendgrid: 'x-twilio-email-event-webhook-signature',
  token: 'x-gitlab-token',
  generic: 'x-hubspot-signature-v3',
};
const TOLERANCE_SECONDS: Partial<Record<SchemeName, number>> = {
  'standard-webhooks': 300,
  stripe: 300,
  slack: 300,
  paddle: 5,
  linear: 60,
  zoom: 300,
  discord: 300,
  sendgrid: 300,
  generic: 300,
};

const withHeaders = (request: SignedRequest, headers: Headers): SignedRequest => ({
  ...request,
  headers: { ...request.headers, ...headers },
});

for (const scheme of SCHEME_NAMES) {
  describe(scheme, () => {
    const source = sourceOf(scheme);
    const request = requestOf(scheme);
    const name = SIGNATURE_HEADERS[scheme];
    const value = request.headers[name] as string;

    test('verifies what it signs, and names the key and the time', () => {
      const signedAtMs = TOLERANCE_SECONDS[scheme] === undefined ? {} : { signedAtMs: NOW_MS };
      assert.deepEqual(source.verify(request), { ok: { keyId: 'main', ...signedAtMs } });
    });

    test('its headers are all that it reads', () => {
      for (const header of Object.keys(request.headers)) assert.ok(source.headers.includes(header), header);
      assert.ok(!source.kept.includes(name));
    });

    test('another key is refused, and each of several is tried', () => {
      const byOther = requestOf(scheme, {}, otherKeyOf(scheme));
      assert.deepEqual(source.verify(byOther), { reason: 'wrong' });
      const settings = { ...settingsOf(scheme), name: 'any', scheme };
      const first = { id: 'first', secret: keyOf(scheme).verifying };
      const second = { id: 'second', secret: otherKeyOf(scheme).verifying };
      const both = openSource({ ...settings, keys: [first, second] });
      for (const [sent, keyId] of [
        [request, 'first'],
        [byOther, 'second'],
      ] as const) {
        const verdict = both.verify(sent);
        assert.equal('ok' in verdict && verdict.ok.keyId, keyId);
      }
      const rotated = openSource({ ...settings, keys: [first, { ...second, retired: true }] });
      assert.deepEqual(rotated.verify(byOther), { reason: 'wrong' });
      assert.ok('ok' in rotated.verifyRetired(byOther));
    });

    test('each header that it reads may be there once', () => {
      for (const header of [...SCHEMES[scheme].headers(settingsOf(scheme)), ...source.kept]) {
        const there = request.headers[header] as string | undefined;
        if (there === undefined) continue;
        const doubled = withHeaders(request, { [header]: [there, there] });
        assert.deepEqual(source.verify(doubled), { reason: 'doubled' }, header);
      }
    });

    test('a header that is missing, cut or spelt otherwise is refused', () => {
      assert.deepEqual(source.verify(withHeaders(request, { [name]: undefined })), { reason: 'missing' });
      for (const bad of [
        '',
        value.slice(0, -1),
        `${value}0`,
        `${value},${value}`,
        ` ${value}`,
        `x${value}`,
      ]) {
        const verdict = source.verify(withHeaders(request, { [name]: bad }));
        assert.ok('reason' in verdict && verdict.reason !== 'missing', bad);
      }
    });

    test('nothing that arrives makes it throw, and nothing unsigned is taken', () => {
      const text = fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary', maxLength: 80 }),
        fc.constantFrom(
          value,
          value.slice(1),
          `${value} ${value}`,
          't=1,v1=',
          'v0=',
          'v1,',
          '=,=',
          '1780000000',
        ),
      );
      const header = fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 3 }), fc.constant(undefined));
      const headers = fc.record(Object.fromEntries(source.headers.map((each) => [each, header])));
      const body = fc.oneof(
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        fc.json().map((json) => Buffer.from(json)),
        fc.constantFrom(Buffer.from('a=%'), Buffer.from('{"webhookTimestamp":"1"}'), Buffer.from('null')),
      );
      fc.assert(
        fc.property(headers, body, fc.string(), (all, bytes, query) => {
          const sent = {
            method: 'POST',
            url: `/webhook/any?${query}`,
            headers: all,
            body: bytes,
            nowMs: NOW_MS,
          };
          const verdict = source.verify(sent);
          if (scheme !== 'token') assert.ok('reason' in verdict);
          source.verifyRetired(sent);
          source.handshake(bytes, 'main');
          source.handshake(bytes, 'unknown');
        }),
      );
    });

    test('a verified delivery has an id', () => {
      assert.match(source.deliveryId(request), /^.{1,255}$/);
      const noId = requestOf(scheme, scheme === 'twilio' ? {} : { body: Buffer.from('{}') });
      const headers = Object.fromEntries(Object.keys(noId.headers).map((each) => [each, undefined]));
      if (scheme !== 'standard-webhooks')
        assert.match(source.deliveryId({ ...noId, headers }), /^[0-9a-f]{64}$/);
    });

    test('it has the tolerance of its provider', () => {
      assert.equal(SCHEMES[scheme].toleranceSeconds?.(settingsOf(scheme)), TOLERANCE_SECONDS[scheme]);
    });
  });
}

for (const scheme of SIGNING) {
  test(`${scheme}: a changed byte of the body is refused, wherever it is`, () => {
    const source = sourceOf(scheme);
    const request = requestOf(scheme);
    const changed = fc
      .record({ at: fc.nat(request.body.length - 1), by: fc.integer({ min: 1, max: 255 }) })
      .map(({ at, by }) => {
        const body = Buffer.from(request.body);
        body[at] = (body[at] as number) ^ by;
        return body;
      });
    // what decodes alike is the same to Twilio, which signs what is decoded
    const isSame = (body: Buffer): boolean =>
      scheme === 'twilio' && source.deliveryId({ ...request, body }) === source.deliveryId(request);
    fc.assert(
      fc.property(changed, (body) => {
        fc.pre(!isSame(body));
        assert.ok('reason' in source.verify({ ...request, body }));
      }),
    );
    for (const body of [request.body.subarray(1), Buffer.concat([request.body, Buffer.from(' ')])])
      assert.ok('reason' in source.verify({ ...request, body }));
  });
}

for (const [name, seconds] of Object.entries(TOLERANCE_SECONDS)) {
  test(`${name}: a time may be ${seconds} s old or ahead, and no more, and is signed`, () => {
    const scheme = name as SchemeName;
    const source = sourceOf(scheme);
    const at = (offsetSeconds: number) =>
      source.verify({ ...requestOf(scheme), nowMs: NOW_MS + offsetSeconds * 1_000 });
    for (const offset of [seconds, -seconds, 0]) assert.ok('ok' in at(offset), String(offset));
    for (const offset of [seconds + 1, -seconds - 1, 1e9, -1e9])
      assert.deepEqual(at(offset), { reason: 'time', ageSeconds: offset }, String(offset));

    const digits = String(scheme === 'generic' || scheme === 'linear' ? NOW_MS : NOW_MS / 1_000);
    const request = requestOf(scheme);
    for (const text of [
      `${digits.slice(0, -1)}1`,
      `${digits}abc`,
      ` ${digits}`,
      `${digits}.0`,
      `+${digits}`,
      '',
    ]) {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([each, value]) => [each, String(value).replace(digits, text)]),
      );
      const body = Buffer.from(request.body.toString().replace(digits, text));
      assert.ok('reason' in source.verify({ ...request, headers, body }), text);
    }
  });
}

test('a tolerance that is given is the one that counts', () => {
  const keys = [{ id: 'main', secret: keyOf('stripe').verifying }];
  const source = openSource({ name: 'any', scheme: 'stripe', keys, toleranceSeconds: 10 });
  assert.ok('ok' in source.verify({ ...requestOf('stripe'), nowMs: NOW_MS + 10_000 }));
  assert.deepEqual(source.verify({ ...requestOf('stripe'), nowMs: NOW_MS + 11_000 }), {
    reason: 'time',
    ageSeconds: 11,
  });
});

test('a source with a public key signs nothing', () => {
  const signerOf = (scheme: SchemeName, secret: string) =>
    openSource({ name: 'any', scheme, keys: [{ id: 'main', secret }] }).signer();
  for (const scheme of ['discord', 'sendgrid'] as const)
    assert.throws(() => signerOf(scheme, keyOf(scheme).verifying), /a public key signs nothing/);
  assert.throws(() => signerOf('standard-webhooks', whpk().verifying), /a public key signs nothing/);
  signerOf('standard-webhooks', keyOf('standard-webhooks').verifying);
});

test('hex may have either case, base64 has one spelling', () => {
  for (const scheme of SIGNING) {
    const source = sourceOf(scheme);
    const request = requestOf(scheme);
    const name = SIGNATURE_HEADERS[scheme];
    const value = request.headers[name] as string;
    const [, before = '', signature = ''] = /^(.*?(?:[=,]|^))([^=,]+=*)$/s.exec(value) ?? [];
    if (/^[0-9a-f]{64,128}$/.test(signature)) {
      const upper = withHeaders(request, { [name]: before + signature.toUpperCase() });
      assert.ok('ok' in source.verify(upper), scheme);
    } else {
      for (const bad of [signature.replaceAll('=', ''), `${signature}=`, `${signature}\n`]) {
        if (bad === signature) continue;
        assert.ok(
          'reason' in source.verify(withHeaders(request, { [name]: before + bad })),
          `${scheme} ${bad}`,
        );
      }
    }
  }
});

test('only the ids of GitHub, Shopify and Linear, and those of headers, are not signed', () => {
  const unsigned = SCHEME_NAMES.filter((scheme) => !sourceOf(scheme).idIsSigned);
  assert.deepEqual(unsigned, ['github', 'shopify', 'linear', 'token']);
});
