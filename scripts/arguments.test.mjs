/** What a script says of its command line, and that it says so before it does anything. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ROOT } from './setup.mjs';

const dir = mkdtempSync(join(tmpdir(), 'lyftr-arguments-'));
after(() => rmSync(dir, { recursive: true }));

/** A clone in which nothing is installed or built. */
const clone = join(dir, 'clone');
for (const name of ['scripts', 'package.json', 'package-lock.json'])
  cpSync(join(ROOT, name), join(clone, name), { recursive: true });
/** How many files it has. */
const files = () => readdirSync(clone, { recursive: true }).length;
const before = files();

const called = join(dir, 'called');
/** All that is on PATH: a package manager, which leaves a file when it is called, and what the benchmarks ask for. */
const bin = join(dir, 'bin');
mkdirSync(bin);
for (const [name, source] of [
  ['apt-get', `: > '${called}'`],
  ['getconf', 'echo 100'],
])
  writeFileSync(join(bin, name), `#!/bin/sh\n${source}\n`, { mode: 0o755 });

function run(folder, script, ...args) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(folder, `scripts/${script}.mjs`), ...args],
    { encoding: 'utf8', env: { PATH: bin }, timeout: 60_000 },
  );
  return { code: status, stdout, stderr };
}

const SCRIPTS = ['bench', 'dataset', 'mutations', 'soak', 'test'];

test('--help prints the usage of a script, before anything is set up', () => {
  for (const script of SCRIPTS) {
    for (const option of ['--help', '-h']) {
      const { code, stdout, stderr } = run(clone, script, option);
      assert.deepEqual([code, stderr], [0, ''], script);
      assert.match(stdout, new RegExp(`^Usage: npm (run )?${script} \\[-- `));
      assert.match(stdout, /^ {2}--no-install /m);
    }
  }
  assert.equal(files(), before);
});

test('what a script does not understand is named in one line with exit code 2, before anything is set up', () => {
  for (const [line, message] of [
    ...SCRIPTS.map((script) => [`${script} --what`, "Unknown option '--what'"]),
    ['soak word', "Unexpected argument 'word'"],
    ['dataset word', "Unexpected argument 'word'"],
    ['soak --seed', "Option '--seed <value>' argument missing"],
    ['soak --minutes x', "--minutes must be a number of at least 0.1, not 'x'"],
    ['bench --rounds 1.5', "--rounds must be an integer of at least 1, not '1.5'"],
    ['dataset --messages 0', "--messages must be an integer from 1 to 4294967295, not '0'"],
    ['mutations nonsense', 'No mutation has nonsense in its name'],
  ]) {
    assert.deepEqual(
      run(clone, ...line.split(' ')),
      { code: 2, stdout: '', stderr: `${message} (--help shows the usage)\n` },
      line,
    );
  }
  assert.equal(files(), before);
});

test('a word that names no test file or benchmark is refused, and nothing is installed for it', () => {
  const tests = run(ROOT, 'test', 'nonsense', 'more');
  assert.equal(tests.stderr, 'No test file has nonsense or more in its path (--help shows the usage)\n');
  const benchmarks = run(ROOT, 'bench', 'nonsense');
  assert.match(benchmarks.stderr, /^No benchmark has nonsense in its name: .*10-search 1000000 /);
  assert.deepEqual([tests.code, benchmarks.code, existsSync(called)], [2, 2, false]);
});

test('no Redis is installed for the help of `npm start`', () => {
  const { code, stdout } = run(ROOT, 'lyftr', 'up', '--help');
  assert.match(stdout, /^Usage: lyftr up /);
  assert.deepEqual([code, existsSync(called)], [0, false]);
});
