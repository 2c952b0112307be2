import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasLoneSurrogate, partsOf } from './extra.js';
import { readArray, readLines, readMessage } from './validate.js';

/** A JSON text as a sender may write it, and the same without white space outside of strings. */
interface Written {
  sent: string;
  kept: string;
  depth: number;
}

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 2 });
const CHARACTERS = ['a', 'é', '😀', '\u2028', ' ', '"', '\\', '{', ']', ',', ':'];
const ESCAPES = ['\\n', '\\"', '\\\\', '\\/', '\\u0041', '\\uD83D\\uDE00'];
const string = fc
  .array(fc.constantFrom(...CHARACTERS.map((each) => JSON.stringify(each).slice(1, -1)), ...ESCAPES))
  .map((characters) => `"${characters.join('')}"`);
const NUMBERS = ['0', '-0', '9007199254740993', '1e400', '-1.50E+2', '0.1000', '12345678901234567890.10'];
const scalar = fc
  .oneof(string, fc.constantFrom(...NUMBERS, 'true', 'false', 'null'))
  .map((text): Written => ({ sent: text, kept: text, depth: 0 }));

const member = (value: fc.Arbitrary<Written>, name: fc.Arbitrary<string>) =>
  fc.tuple(name, space, space, value).map(([text, before, behind, { sent, kept, depth }]): Written => ({
    sent: `${text}${before}:${behind}${sent}`,
    kept: `${text}:${kept}`,
    depth,
  }));
const spaced = (part: fc.Arbitrary<Written>) =>
  fc
    .tuple(space, part, space)
    .map(([before, { sent, kept, depth }, behind]) => ({ sent: before + sent + behind, kept, depth }));
const joined = (open: string, parts: Written[], close: string): Written => ({
  sent: open + parts.map(({ sent }) => sent).join(',') + close,
  kept: open + parts.map(({ kept }) => kept).join(',') + close,
  depth: 1 + Math.max(0, ...parts.map(({ depth }) => depth)),
});

const { value } = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc.array(spaced(tie('value')), { maxLength: 3 }).map((items) => joined('[', items, ']')),
    fc.array(spaced(member(tie('value'), string)), { maxLength: 3 }).map((all) => joined('{', all, '}')),
  ),
}));
const shortNames = fc.constantFrom('"a"', '"b"', '"\\u0061"', '"__proto__"', '"1"', '""', '"Text"');
const others = fc.array(spaced(member(value, shortNames)), { minLength: 1, maxLength: 4 });

/** The five in their plain form or escaped, one of them twice. */
const KNOWN = ['"message_id":"m"', '"fro\\u006d" : "a"', '"to":"b"', '"ts":2', '"ts":1', '"text":"{[\\"," '];

test('the other members are kept as they were sent, in a message, an array and a line', () => {
  fc.assert(
    fc.property(
      others,
      fc.array(fc.nat(KNOWN.length), { minLength: 4, maxLength: 4 }),
      space,
      (all, places, gap) => {
        const members = all.map(({ sent }) => sent);
        const known = [...KNOWN];
        for (const [i, other] of members.entries()) known.splice((places[i] as number) + i, 0, other);
        // the second `ts` counts, as JSON.parse has it
        const sent = `${gap}{${known.join(',')}}${gap}`;
        const inOrder = known.filter((each) => !KNOWN.includes(each));
        const extra = `{${inOrder.map((each) => all[members.indexOf(each)]?.kept).join(',')}}`;
        const tuple = ['m', 'a', 'b', 1, '{[",', extra];
        assert.deepEqual(readMessage(Buffer.from(sent)), tuple);
        const plain = '{"message_id":"p","from":"a","to":"b","ts":1}';
        assert.deepEqual(readArray(Buffer.from(`${gap}[${plain},${sent},${sent}]${gap}`)), [
          ['p', 'a', 'b', 1, ''],
          tuple,
          tuple,
        ]);
        const line = sent.replaceAll(/[\r\n]/g, ' ');
        assert.deepEqual(readLines(Buffer.from(`${plain}\n${line}\n`))[1], tuple);
        assert.doesNotMatch(extra, /[\r\n]/);
        const isOther = ([name]: [string, unknown]) =>
          !['message_id', 'from', 'to', 'ts', 'text'].includes(name);
        const parsed = JSON.parse(sent) as Record<string, unknown>;
        assert.deepEqual(Object.entries(JSON.parse(extra) as object), Object.entries(parsed).filter(isOther));
      },
    ),
  );
});

test('parts and their depth are those of the text', () => {
  fc.assert(
    fc.property(fc.array(spaced(value)), space, (items, gap) => {
      const { sent } = joined('[', items, ']');
      assert.deepEqual(
        partsOf(gap + sent + gap),
        items.map(({ kept, depth }) => ({ text: kept, depth })),
      );
    }),
  );
});

test('half of a surrogate pair is found wherever it stands', () => {
  const PIECES = ['\\ud83d', '\\uDE00', '\\\\', 'u', 'd', '\\"', 'a', '😀', '\\u0041', '\\uD7FF', '\\uE000'];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PIECES)), (pieces) => {
      const json = `"${pieces.join('')}"`;
      assert.equal(hasLoneSurrogate(json), !(JSON.parse(json) as string).isWellFormed(), json);
    }),
    { numRuns: 1_000 },
  );
});
