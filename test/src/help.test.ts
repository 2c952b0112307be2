/** What every verb owes a person at a terminal: help with examples, JSON on request, completion. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lyftr } from './cli.js';
import { ROOT } from './deploy.js';

const DEAD_LETTERS = ['list', 'show', 'replay', 'discard'];
const SOURCES = ['list', 'check', 'reload', 'init'];

/** Names in the list of commands that `--help` prints. */
async function verbsOf(...args: string[]): Promise<string[]> {
  const { stdout } = await lyftr({}, ...args, '--help');
  const [, list = ''] = stdout.split('\nCommands:\n');
  // the examples are behind an empty line
  const [commands = ''] = list.split('\n\n');
  return [...commands.matchAll(/^ {2}([a-z-]+)/gm)]
    .map(([, name]) => name as string)
    .filter((name) => name !== 'help');
}

test('every verb has help with examples that begin with its name, and takes --json', async () => {
  const verbs = await verbsOf();
  assert.ok(verbs.length >= 12, verbs.join());
  assert.deepEqual(await verbsOf('dead-letters'), DEAD_LETTERS);
  assert.deepEqual(await verbsOf('ledger'), ['write-off']);
  assert.deepEqual(await verbsOf('sources'), SOURCES);
  const groups: Record<string, string[]> = { 'dead-letters': DEAD_LETTERS, sources: SOURCES };
  const lines = verbs.flatMap((verb) => groups[verb]?.map((each) => `${verb} ${each}`) ?? [verb]);
  lines.push('ledger write-off');
  for (const line of lines) {
    const { code, stdout } = await lyftr({}, ...line.split(' '), '--help');
    assert.equal(code, 0, line);
    assert.match(stdout, new RegExp(`^Examples:\n  lyftr ${line}\\b`, 'm'));
    if (line !== 'completion') assert.match(stdout, /^ {2}--json /m, line);
  }
});

test('wrong usage is exit code 64 and nothing on standard output', async () => {
  for (const args of [
    ['nonsense'],
    ['load', '--what'],
    ['verify', '-'],
    ['completion', 'tcsh'],
    ['load', '-u', 'x'],
    ['sources', 'init', 'nobody'],
    ['sources', 'init', 'github', '--name', 'Not-A-Name'],
    ['send', '-', '--query', 'a=1'],
    ['send', '--source', 'code'],
    ['send', '-', '--source', 'code', '--header', 'nothing'],
    ['sign', '-', '--sources', 'x'],
    ['trigger', 'nobody'],
    ['trigger', 'github', 'nothing'],
    ['listen', '--sign'],
    ['listen', '--forward', 'ftp://x'],
    ['export', '--deliveries', '--format', 'csv'],
  ]) {
    const { code, stdout, stderr } = await lyftr({}, ...args);
    assert.deepEqual([code, stdout], [64, ''], args.join(' '));
    assert.match(stderr, /^error: [^\n]+\n$/);
  }
});

test('a setting that is wrong is exit code 78 and named', async () => {
  const { code, stderr } = await lyftr({ PORT: 'x' }, 'status');
  assert.deepEqual([code, stderr], [78, 'settings: PORT must be integer\n']);
});

test('with --json every failure is one line of JSON on standard error, with the same exit code', async () => {
  // nothing listens on port 9, and the folder cannot be made
  const env = { WEBHOOK_SECRET: 's', INGEST_URL: 'http://127.0.0.1:9', DATA_DIR: '/dev/null/none' };
  const failures: [number, string, Record<string, string>?][] = [
    [78, 'up'],
    [69, 'status'],
    [69, 'send --from 1 --to 2'],
    [1, 'sign /nowhere'],
    [1, `verify /nowhere ${'0'.repeat(64)}`],
    [64, 'sign - --source code'],
    [78, 'sign - --source code --sources /nowhere'],
    [64, 'trigger github push'],
    [1, 'trigger github push --sources /nowhere'],
    [69, 'listen'],
    [69, 'load'],
    [69, 'export'],
    [69, 'import -'],
    [1, 'backup /dev/null/copy'],
    [1, 'audit'],
    [69, 'ledger'],
    [69, 'ledger write-off'],
    [69, 'dead-letters list'],
    [69, 'dead-letters show 1'],
    [69, 'dead-letters replay 1'],
    [69, 'dead-letters discard 1'],
    [78, 'sources check /nowhere'],
    [69, 'sources list'],
    [69, 'sources reload'],
    [1, 'sources init github --file /dev/null/sources.json'],
    [64, 'nonsense'],
    [64, 'status --what'],
    [78, 'status', { PORT: 'x' }],
  ];
  const verbs = (await verbsOf()).filter((verb) => verb !== 'completion');
  assert.deepEqual(
    verbs.filter((verb) => !failures.some(([, line]) => line.split(' ')[0] === verb)),
    [],
  );
  for (const [exitCode, line, more = {}] of failures) {
    const words = line.split(' ');
    const plain = await lyftr({ ...env, ...more }, ...words);
    const { code, stdout, stderr } = await lyftr({ ...env, ...more }, ...words, '--json');
    assert.deepEqual([code, plain.code, stdout], [exitCode, exitCode, ''], `${line}: ${stderr}`);
    assert.match(stderr, /^[^\n]+\n$/, line);
    const { error } = JSON.parse(stderr) as { error: { message: string } };
    assert.ok(error.message.length > 0, line);
  }
});

test('a shell is told the verbs, their options and the values of those', async () => {
  const complete = async (...words: string[]) => {
    const { code, stdout } = await lyftr({}, 'complete', '--', ...words);
    assert.equal(code, 0);
    return stdout
      .split('\n')
      .flatMap((line) => (line === '' || line.startsWith(':') ? [] : [line.split('\t')[0]]));
  };
  assert.deepEqual(await complete('st'), ['status']);
  assert.deepEqual(await complete('dead-letters', ''), [...DEAD_LETTERS, 'help']);
  assert.deepEqual(await complete('export', '--fo'), ['--format', '--force']);
  assert.deepEqual(await complete('export', '--format', 'c'), ['csv']);
  assert.deepEqual(await complete('sources', ''), [...SOURCES, 'help']);
  assert.deepEqual(await complete('listen', '--fo'), ['--forward']);
});

test('the scripts are there for each shell, and bash takes its own', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await lyftr({}, 'completion', shell);
    assert.equal(code, 0);
    assert.match(stdout, /lyftr complete -- /, shell);
    if (shell !== 'bash') continue;
    const registered = execFileSync('bash', ['-c', `${stdout}\ncomplete -p lyftr`], { encoding: 'utf8' });
    assert.match(registered, /^complete -F \w+ lyftr$/m);
  }
});

test('npx at the root of the repository finds the command, and asks no registry for it', () => {
  const cache = mkdtempSync(join(tmpdir(), 'lyftr-npx-'));
  try {
    const env = { ...process.env, npm_config_cache: cache };
    const options = { cwd: ROOT, env, encoding: 'utf8' } as const;
    const text = execFileSync('npx', ['--offline', 'lyftr', 'status', '--help'], options);
    assert.match(text, /^Usage: lyftr status /);
  } finally {
    rmSync(cache, { recursive: true });
  }
});
