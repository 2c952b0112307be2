import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { at, extraText, parseJson, readJson } from './json.js';

test('an integer that a number cannot hold becomes its digits', () => {
  const json =
    '{"a":9007199254740991,"b":9007199254740993,"c":-9007199254740993,"d":[12345678901234567890 ,1],"e":12345678901234567890.5,' +
    '"f":1e-1234567890123456789,"g":"12345678901234567890","h":"\\"12345678901234567890","i":"\\\\","j":12345678901234567890}';
  assert.deepEqual(parseJson(json), {
    a: Number.MAX_SAFE_INTEGER,
    b: '9007199254740993',
    c: '-9007199254740993',
    d: ['12345678901234567890', 1],
    e: Number('12345678901234567890.5'),
    f: 0,
    g: '12345678901234567890',
    h: '"12345678901234567890',
    i: '\\',
    j: '12345678901234567890',
  });
  assert.equal(parseJson('820982911946154508'), '820982911946154508');
});

test('everything else is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), fc.nat(4), (value, indent) => {
      const json = JSON.stringify(value, undefined, indent);
      // a double beyond 2^53 may be written as an integer
      fc.pre(!/\d{16}/.test(json.replace(/"(?:[^"\\]|\\.)*"/g, '')));
      assert.deepEqual(parseJson(json), JSON.parse(json));
    }),
  );
});

test('strings with digits, quotes and backslashes stay as they are', () => {
  const piece = fc.constantFrom('"', '\\', '1234567890123456789', ',', ':', '{', '}', 'é', ' ', '-');
  const text = fc.array(piece).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.array(fc.oneof(text, fc.dictionary(text, text))), (value) => {
      assert.deepEqual(parseJson(JSON.stringify(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('what is not JSON is undefined', () => {
  for (const text of ['', '{', '"', '[01234567890123456789]', '{"a":12345678901234567890', 'undefined'])
    assert.equal(parseJson(text), undefined, text);
  assert.equal(readJson(Buffer.from([0xff, 0xfe])), undefined);
  assert.deepEqual(readJson(Buffer.from('\uFEFF{"a":1}')), { a: 1 });
});

test('a name of the prototype is no member', () => {
  const value = parseJson('{"__proto__":{"admin":1}}');
  assert.equal(at(value, 'constructor'), undefined);
  assert.equal(at({}, '__proto__'), undefined);
  assert.equal(at(value, '__proto__', 'admin'), 1);
  assert.equal(at(value, 'admin'), undefined);
});

test('extra members are text that UTF-8 can hold, up to 64 levels deep', () => {
  assert.equal(extraText({ a: 'x\uD800y', b: '\\ud800' }), '{"a":"x\uFFFDy","b":"\\\\ud800"}');
  const nested = (levels: number): Record<string, unknown> => (levels === 1 ? {} : { a: nested(levels - 1) });
  assert.notEqual(extraText(nested(64)), undefined);
  assert.equal(extraText(nested(65)), undefined);
});
