/** The fast path against node:http alone: the same bytes get the same answers, and the same messages are taken. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { answersIn, bodyOf, exchange, requestOf, startIngest } from './testing.js';

type Ingest = Awaited<ReturnType<typeof startIngest>>;
let byFastPath: Ingest;
let byNode: Ingest;
before(async () => {
  byFastPath = await startIngest();
  byNode = await startIngest({ withFastPath: false });
});
after(() => Promise.all([byFastPath.close(), byNode.close()]));

interface Line {
  name: string;
  value: string;
}
interface Parts {
  line: string;
  headers: Line[];
  end: string;
  body: string;
}
type Change = (parts: Parts) => Parts;

const PLACES = ['Host', 'Content-Type', 'x-signature', 'Content-Length'] as const;
const anyPlace = fc.constantFrom(...PLACES);

function changeOf(name: string, change: (line: Line) => Line[]): Change {
  return (parts) => ({
    ...parts,
    headers: parts.headers.flatMap((line) => (line.name === name ? change(line) : [line])),
  });
}

/** White space at the edges of a value and of a name. */
const padding = fc
  .record({
    place: anyPlace,
    where: fc.constantFrom('before the value', 'behind the value', 'behind the name', 'before the name'),
    space: fc.constantFrom('\t', ' ', '  ', ' \t', '\t ', '\r\n ', '\v', '\u00a0'),
  })
  .map(({ place, where, space }) =>
    changeOf(place, ({ name, value }) => {
      if (where === 'before the value') return [{ name, value: ` ${space}${value.trim()}` }];
      if (where === 'behind the value') return [{ name, value: value + space }];
      if (where === 'behind the name') return [{ name: name + space, value }];
      return [{ name: space + name, value }];
    }),
  );

const CONNECTION_NAMES = ['Connection', 'Proxy-Connection', 'Keep-Alive', 'Upgrade', 'TE', 'Trailer'];
const OTHER_NAMES = ['Transfer-Encoding', 'Expect', 'HTTP2-Settings', 'Cookie', 'X_Y', 'x-request-id'];
const VALUES = ['close', 'keep-alive', 'upgrade', 'h2c', 'chunked', '100-continue', 'trailers', 'a,close'];

const anyCase = (name: string) => fc.constantFrom(name, name.toLowerCase(), name.toUpperCase());

/** One more header that means something to somebody, in front of the others or behind them. */
const addition = fc
  .record({
    name: fc
      .oneof(
        { weight: 3, arbitrary: fc.constantFrom(...CONNECTION_NAMES) },
        { weight: 2, arbitrary: fc.constantFrom(...OTHER_NAMES, ...PLACES) },
        {
          weight: 1,
          arbitrary: fc.string({ unit: fc.constantFrom('a', 'Z', '-', '_', '!', '0', '\u00e9') }),
        },
      )
      .chain(anyCase),
    value: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...VALUES) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('', ' ', '0', '5', 'x', 'given.id:1_-', '\u00e9', 'i'.repeat(129)),
      },
    ),
    isFirst: fc.boolean(),
  })
  .map(({ name, value, isFirst }): Change => (parts) => {
    const line = { name, value: ` ${value}` };
    return { ...parts, headers: isFirst ? [line, ...parts.headers] : [...parts.headers, line] };
  });

const removal = anyPlace.map((name) => changeOf(name, () => []));
const doubling = anyPlace.map((name) => changeOf(name, (line) => [line, line]));

/** Heads of every size that can arrive at once, in few lines or in many. node:http refuses them from 16 KiB on. */
const filling = fc
  .record({
    bytes: fc.integer({ min: 1, max: 60_000 }),
    line: fc.constantFrom('a: b', 'x:', `x-filler: ${'y'.repeat(300)}`),
    isFirst: fc.boolean(),
  })
  .map(({ bytes, line, isFirst }): Change => (parts) => {
    const [name = '', value = ''] = line.split(':');
    const fillers = Array.from({ length: Math.ceil(bytes / (line.length + 2)) }, () => ({ name, value }));
    return { ...parts, headers: isFirst ? [...fillers, ...parts.headers] : [...parts.headers, ...fillers] };
  });

const length = fc
  .constantFrom(' 0', ' 5', ' 2001', ' 99999999', ' +5', ' 0x5', ' 05', ' 5,5', ' -1', ' 5 5', ' 5;', ' ')
  .map((value) => changeOf('Content-Length', ({ name }) => [{ name, value }]));
const type = fc
  .constantFrom(' text/plain', ' constructor', ' APPLICATION/JSON; charset="utf-8"', '', ' a,b')
  .map((value) => changeOf('Content-Type', ({ name }) => [{ name, value }]));
const requestLine = fc
  .constantFrom(
    'POST /webhook HTTP/1.0',
    'POST /webhook HTTP/2.0',
    'POST /webhook HTTP/1.1 ',
    'POST  /webhook HTTP/1.1',
    'POST\t/webhook HTTP/1.1',
    'POST /webhook',
    'post /webhook HTTP/1.1',
    'GET /webhook HTTP/1.1',
    'POST /webhook/batch HTTP/1.1',
    'POST /webhook?x=1 HTTP/1.1',
    'POST /webhook# HTTP/1.1',
    'POST /%77ebhook HTTP/1.1',
    'POST http://x/webhook HTTP/1.1',
    'POST /other HTTP/1.1',
    '\r\nPOST /webhook HTTP/1.1',
  )
  .map((line): Change => (parts) => ({ ...parts, line }));
const lineEnd = fc.constantFrom('\n', '\r', '\r\r\n').map((end): Change => (parts) => ({ ...parts, end }));
const bodyChange = fc
  .constantFrom(['"ts":1', '"ts":"1"'], ['"ts":1', '"ts":'], ['"p"', '"\u00e9"'])
  .map(([from = '', to = '']): Change => (parts) => ({ ...parts, body: parts.body.replace(from, to) }));

const change = fc.oneof(
  { weight: 4, arbitrary: padding },
  { weight: 4, arbitrary: addition },
  { weight: 2, arbitrary: filling },
  { weight: 1, arbitrary: fc.oneof(removal, doubling, length, type, requestLine, lineEnd, bodyChange) },
);

function write({ line, headers, end, body }: Parts): string {
  return [line, ...headers.map(({ name, value }) => `${name}:${value}`), '', body].join(end);
}

function partsOf(body: string): Parts {
  const [head = ''] = requestOf(body).split('\r\n\r\n');
  const [line = '', ...lines] = head.split('\r\n');
  const headers = lines.map((text) => {
    const colon = text.indexOf(':');
    return { name: text.slice(0, colon), value: text.slice(colon + 1) };
  });
  return { line, headers, end: '\r\n', body };
}

const request = fc
  .record({
    changes: fc.oneof(
      { weight: 3, arbitrary: change.map((one) => [one]) },
      { weight: 1, arbitrary: fc.tuple(change, change) },
    ),
    body: fc.constantFrom(bodyOf('p'), bodyOf('q'), '[]', '', '{', bodyOf('big', { x: 'y'.repeat(1_990) })),
  })
  .map(({ changes, body }) => write(changes.reduce((parts, apply) => apply(parts), partsOf(body))));

const plain = fc.constantFrom(requestOf(bodyOf('plain')), requestOf('{}'));

/** What is sent on one connection, and where it is cut into packets. */
const sent = fc.record({
  requests: fc.oneof(
    request.map((one) => [one]),
    fc.tuple(plain, request),
    fc.tuple(request, plain),
  ),
  cuts: fc.oneof(
    fc.constant<number[]>([]),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  ),
  isCutOff: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }) },
  ),
});

async function outcome(ingest: Ingest, pieces: Buffer[]) {
  ingest.taken.length = 0;
  const answers = answersIn(await exchange(ingest.port, pieces, 2));
  return { answers, taken: [...ingest.taken] };
}

test('the fast path answers like node:http, however the bytes are cut', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(sent, async ({ requests, cuts, isCutOff }) => {
      const whole = Buffer.from(requests.join(''), 'latin1');
      const bytes = whole.subarray(0, whole.length - isCutOff);
      const offsets = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)).toSorted((a, b) => a - b)];
      const pieces = offsets
        .map((start, i) => bytes.subarray(start, offsets[i + 1]))
        .filter((piece) => piece.length > 0);
      const [found, expected] = await Promise.all([outcome(byFastPath, pieces), outcome(byNode, [bytes])]);
      assert.deepEqual(found, expected);
    }),
    { numRuns: 600 },
  );
});
