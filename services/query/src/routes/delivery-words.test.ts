/** How the console shows and repeats deliveries, and how it treats many dead letters, without a browser. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { PUBLIC } from './assets.js';

const load = async (file: string): Promise<unknown> => import(pathToFileURL(join(PUBLIC, file)).href);

interface Sent {
  source: string;
  content_type: string;
  headers: Record<string, string>;
  body?: string;
  body_base64?: string;
}

const { readBody, partAt } = (await load('body.js')) as {
  readBody: (delivery: Partial<Sent>) => { kind: string; raw: string; json?: string; fields?: string[][] };
  partAt: (text: string, pointer: string) => string | undefined;
};
const { curlOf } = (await load('curl.js')) as { curlOf: (delivery: Sent, origin: string) => string };
const { split, messageInRaw } = (await load('compare.js')) as {
  split: (text: string, other: string) => [string, string, string];
  messageInRaw: (raw: string) => Record<string, unknown> | undefined;
};
const { runBulk, bulkWords } = (await load('bulk-run.js')) as {
  runBulk: (ids: number[], options: object) => Promise<Bulk>;
  bulkWords: (result: Bulk, total: number, verb: string) => string;
};

interface Bulk {
  done: number;
  gone: number;
  failures: [number, string][];
  isStopped: boolean;
  isOut: boolean;
}

test('a body is shown by what it is', () => {
  const json = readBody({ content_type: 'application/json', body: '{"id":1}' });
  assert.equal(json.kind, 'json');
  assert.equal(json.json, '{\n  "id": 1\n}');
  const form = readBody({
    content_type: 'application/x-www-form-urlencoded; charset=utf-8',
    body: 'a=1&a=%3Cb%3E&payload=%7B%22x%22%3A1%7D',
  });
  assert.deepEqual(form.fields, [
    ['a', '1'],
    ['a', '<b>'],
    ['payload', '{\n  "x": 1\n}'],
  ]);
  assert.equal(readBody({ content_type: 'application/json', body: '{"cut' }).kind, 'text');
  assert.deepEqual(readBody({ content_type: '', body_base64: '/w==' }), { kind: 'base64', raw: '/w==' });
});

test('a pointer leads to its part, and nowhere else', () => {
  const text = '{"entry":[{"a/b":{"c~d":1}}]}';
  assert.equal(partAt(text, '/entry/0/a~1b/c~0d'), '1');
  assert.equal(partAt(text, '/entry/1'), undefined);
  assert.equal(partAt(text, '/entry/__proto__'), undefined);
  assert.equal(partAt(text, ''), undefined);
  assert.equal(partAt('a=1', '/a'), undefined);
});

/** Runs the command with a curl that writes down its arguments and what it is given. */
function run(command: string): { args: string[]; body: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'lyftr-curl-'));
  try {
    writeFileSync(
      join(folder, 'curl'),
      `#!/bin/sh\nfor each in "$@"; do printf '%s\\0' "$each" >>"${folder}/args"; done\ncat >"${folder}/body"\n`,
      { mode: 0o755 },
    );
    writeFileSync(join(folder, 'pasted'), command);
    execFileSync('sh', [join(folder, 'pasted')], {
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const args = readFileSync(join(folder, 'args'), 'utf8').split('\0').slice(0, -1);
    const at = args.indexOf('--data-raw');
    return { args, body: at === -1 ? readFileSync(join(folder, 'body')) : Buffer.from(args[at + 1] ?? '') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ORIGIN = 'https://hooks.example.com';
const sent = (more: Partial<Sent>): Sent => ({ source: 'shop', content_type: '', headers: {}, ...more });

test('a shell gives curl the exact body and headers, whatever they are', () => {
  const bodies = [
    `it's "so" $HOME \`id\` \\ !! \n  @file`,
    '@/etc/passwd',
    'a\0b\r\n\u001b[201~; touch /tmp/x',
    'x'.repeat(200_000),
    '',
    '€ \u{1f600}',
  ];
  for (const body of bodies) {
    const { args, body: given } = run(curlOf(sent({ body }), ORIGIN));
    assert.deepEqual(given, Buffer.from(body), JSON.stringify(body.slice(0, 40)));
    assert.equal(args[0], `${ORIGIN}/webhook/shop`);
  }
  const bytes = Buffer.from([0, 255, 10, 39]);
  assert.deepEqual(run(curlOf(sent({ body_base64: bytes.toString('base64') }), ORIGIN)).body, bytes);
  const headers = { 'x-id': "it's; $(id)", 'x-empty': '', 'x-hostile': 'a\u001b[201~' };
  const { args } = run(curlOf(sent({ content_type: 'text/plain', headers, body: 'x' }), ORIGIN));
  assert.deepEqual(
    args.filter((_arg, index) => args[index - 1] === '-H'),
    ['content-type: text/plain', "x-id: it's; $(id)", 'x-empty;'],
  );
});

test('no command holds a control character that a terminal would act on', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(text, text, text, (body, type, value) => {
      const command = curlOf(sent({ body, content_type: type, headers: { 'x-id': value } }), ORIGIN);
      // oxlint-disable-next-line no-control-regex
      assert.doesNotMatch(command, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }),
  );
});

test('two texts are split at what they have in common, and no character is cut', () => {
  assert.deepEqual(split('total 10 EUR', 'total 12 EUR'), ['total 1', '0', ' EUR']);
  assert.deepEqual(split('same', 'same'), ['same', '', '']);
  assert.deepEqual(split('aa', 'a'), ['a', 'a', '']);
  assert.deepEqual(split('\u{1f600}', '\u{1f601}'), ['', '\u{1f600}', '']);
  const word = fc.string({
    unit: fc.constantFrom('a', 'b', '\u{1f600}', '\u{1f601}', '\u{1f200}'),
    maxLength: 8,
  });
  fc.assert(
    fc.property(word, word, (text, other) => {
      const [before, different, after] = split(text, other);
      assert.equal(before + different + after, text);
      assert.ok(other.startsWith(before) && other.endsWith(after));
      for (const part of [before, different, after]) assert.ok(part.isWellFormed());
      assert.equal(different === '' && other.length === text.length, text === other);
    }),
  );
});

test('the message in a raw text is read, and other texts are none', () => {
  assert.deepEqual(messageInRaw('["m","a","b",5,"t"]'), {
    message_id: 'm',
    from: 'a',
    to: 'b',
    ts: 5,
    text: 't',
    extra: '',
  });
  assert.equal(messageInRaw('{"v":1}'), undefined);
  assert.equal(messageInRaw('not JSON'), undefined);
});

class Answer extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`status ${status}`);
    this.status = status;
  }
}

/** `outcomes` by id: a status to fail with, or what is left to do. */
async function bulk(outcomes: (number | string)[], stopAfter = Infinity): Promise<[Bulk, number[]]> {
  const seen: number[] = [];
  const result = await runBulk([...outcomes.keys()], {
    async act(id: number) {
      seen.push(id);
      const outcome = outcomes[id] ?? '';
      if (typeof outcome === 'number') throw new Answer(outcome);
      return outcome;
    },
    progress: () => {},
    isStopped: () => seen.length >= stopAfter,
  });
  return [result, seen];
}

test('a failure does not end a run, and its text is kept', async () => {
  const [result, seen] = await bulk(['', 409, 404, 'not discarded', '']);
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  assert.deepEqual(result, {
    done: 2,
    gone: 1,
    failures: [
      [1, 'status 409'],
      [3, 'not discarded'],
    ],
    isStopped: false,
    isOut: false,
  });
  assert.equal(bulkWords(result, 5, 'replayed'), '2 of 5 replayed. 1 no longer existed. 2 failed.');
});

test('a run ends when it is stopped, and when nothing answers any more', async () => {
  const [stopped, seen] = await bulk(['', '', '', ''], 2);
  assert.deepEqual(seen, [0, 1]);
  assert.match(bulkWords(stopped, 4, 'discarded'), /^2 of 4 discarded\. You stopped it/);
  const [out, tried] = await bulk([503, 0, '', 503, 504, 0, '']);
  assert.deepEqual(tried, [0, 1, 2, 3, 4, 5]);
  assert.equal(out.isOut, true);
  assert.equal(out.failures.length, 5);
  assert.match(bulkWords(out, 7, 'replayed'), /ended after 3 failures in a row/);
});
