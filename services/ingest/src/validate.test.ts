import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProblemError } from '@lyftr/shared/errors';
import { readArray, readLines, readMessage } from './validate.js';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const message = { message_id: 'm', from: 'a', to: 'b', ts: 1, text: 't' };

function refusal(read: () => unknown): ProblemError {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof ProblemError);
    return error;
  }
  return assert.fail('was accepted');
}

const pathsOf = (error: ProblemError) => error.errors?.map(({ path }) => path);

test('a message becomes a tuple; a missing text is empty', () => {
  assert.deepEqual(readMessage(bytes(message)), ['m', 'a', 'b', 1, 't']);
  assert.deepEqual(readMessage(bytes({ message_id: 'm', from: 'a', to: 'b', ts: 1 })), [
    'm',
    'a',
    'b',
    1,
    '',
  ]);
});

const KNOWN = '"message_id":"m","from":"a","to":"b","ts":1';

test('other members are kept as they were sent, also one named __proto__', () => {
  const others: [sent: string, kept?: string][] = [
    ['"__proto__":{"x":1},"media":["é",null]'],
    ['"n":9007199254740993,"m":1e400,"half":1.50,"zero":-0'],
    ['"2":1,"1":2'],
    ['"twice":1,"twice":{"x":1,"x":2}'],
    ['"escaped":"\\u00e9\\/","\\u0061":"é"'],
    [' "spaced" :\t[ 1 ,\n{ "a b" : " c " } ]\r', '"spaced":[1,{"a b":" c "}]'],
  ];
  for (const [sent, kept = sent] of others)
    for (const body of [`{${KNOWN},${sent}}`, `{${sent},${KNOWN}}`])
      assert.equal(readMessage(Buffer.from(body))[5], `{${kept}}`);
});

test('every fault of a message is named', () => {
  const error = refusal(() => readMessage(bytes({ message_id: '', from: 1, ts: -1, text: null })));
  assert.equal(error.code, 'invalid-message');
  assert.deepEqual(pathsOf(error)?.toSorted(), ['/from', '/message_id', '/text', '/to', '/ts'].toSorted());
});

test('bounds of every member', () => {
  const accepted = [
    { message_id: 'x'.repeat(255) },
    { from: 'x'.repeat(64) },
    { ts: 0 },
    { ts: 253_402_300_799 },
    { text: 'x'.repeat(65_536) },
    { text: '😀'.repeat(65_536) },
    { text: 'a\0b' },
  ];
  for (const change of accepted) readMessage(bytes({ ...message, ...change }));
  const refused = [
    { message_id: 'x'.repeat(256) },
    { message_id: 'a\0' },
    { from: '' },
    { from: 'x'.repeat(65) },
    { to: 'a\0b' },
    { ts: -1 },
    { ts: 253_402_300_800 },
    { ts: 1.5 },
    { ts: '1' },
    { ts: 1e300 },
    { text: 'x'.repeat(65_537) },
    { text: 1 },
  ];
  for (const change of refused) refusal(() => readMessage(bytes({ ...message, ...change })));
});

test('lone surrogates are refused wherever they stand', () => {
  const cases = [
    '{"message_id":"\\ud800","from":"a","to":"b","ts":1}',
    '{"message_id":"m","from":"\\udc00","to":"b","ts":1}',
    '{"message_id":"m","from":"a","to":"b","ts":1,"text":"x\\ud83d"}',
    '{"message_id":"m","from":"a","to":"b","ts":1,"other":{"deep":["\\ud800"]}}',
    '{"message_id":"m","from":"a","to":"b","ts":1,"\\ud800":1}',
    '{"message_id":"m","from":"a","to":"b","ts":1,"twice":"\\ud800","twice":1}',
  ];
  for (const raw of cases)
    assert.equal(refusal(() => readMessage(Buffer.from(raw))).code, 'invalid-message', raw);
  // a whole pair, and a backslash that only looks like an escape
  readMessage(Buffer.from('{"message_id":"m","from":"a","to":"b","ts":1,"text":"\\ud83d\\ude00 \\\\ud800"}'));
});

test('nesting is bounded, also in a member that comes again', () => {
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const read = (others: string) => readMessage(Buffer.from(`{${KNOWN},${others}}`));
  read(`"x":${nested(63)}`);
  for (const others of [`"x":${nested(64)}`, `"x":${nested(5_000)}`, `"x":${nested(5_000)},"x":1`])
    assert.equal(refusal(() => read(others)).code, 'invalid-message');
});

test('what is not UTF-8 or not JSON is said to be that', () => {
  for (const body of [
    Buffer.from([0x7b, 0xff]),
    Buffer.from('{'),
    Buffer.alloc(0),
    Buffer.from('\ufeff{}'),
  ]) {
    assert.equal(refusal(() => readMessage(body)).code, 'not-json');
  }
  for (const body of ['null', '1', '"x"', '[]']) {
    assert.equal(refusal(() => readMessage(Buffer.from(body))).code, 'invalid-message');
  }
});

test('a batch is all or nothing, and names the message at fault', () => {
  assert.equal(readArray(bytes([message, message])).length, 2);
  assert.deepEqual(readArray(bytes([])), []);
  assert.deepEqual(pathsOf(refusal(() => readArray(bytes([message, { ...message, ts: 'x' }])))), ['/1/ts']);
  assert.equal(refusal(() => readArray(bytes(message))).code, 'invalid-message');
});

test('lines: empty ones are skipped, a bad one refuses all', () => {
  const line = JSON.stringify(message);
  assert.equal(readLines(Buffer.from(`${line}\r\n\n${line}\n`)).length, 2);
  assert.deepEqual(readLines(Buffer.from('')), []);
  const error = refusal(() => readLines(Buffer.from(`${line}\n{`)));
  assert.equal(error.code, 'not-json');
  assert.match(error.message, /Line 2/);
});

test('any JSON value is accepted or refused with a problem, never anything else', () => {
  const value = fc.jsonValue();
  fc.assert(
    fc.property(
      fc.oneof(value, fc.record({ message_id: fc.string(), from: fc.string(), to: value, ts: value })),
      (v) => {
        try {
          readMessage(bytes(v));
        } catch (error) {
          assert.ok(error instanceof ProblemError);
        }
      },
    ),
  );
});
