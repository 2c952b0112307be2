/**
 * `npm run mutations [-- NAME…]`: breaks one promise at a time and demands that a test goes red. It works on a copy, so
 * neither Ctrl-C nor kill -9 can leave a broken program behind. Exit code 1 when a mutation stays green.
 */
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { NO_INSTALL_USAGE, readArguments, refuse } from './arguments.mjs';
import { MUTATIONS } from './mutations-list.mjs';
import { ensureRedisServer } from './packages.mjs';
import { build, ensureDependencies, requireNode, ROOT } from './setup.mjs';

const TEST_MS_MAX = 120_000;
const USAGE = `Usage: npm run mutations [-- NAME…]

Breaks the compiled program in one place at a time, and demands that a test goes red. With NAMEs, it makes the mutations
whose names contain one of them. Exit code 1 when a mutation stays green.

${NO_INSTALL_USAGE}`;

/** What runs: the compiled packages, and links to what is installed. Returns the folder. */
function copyProgram() {
  const copy = mkdtempSync(join(tmpdir(), 'lyftr-mutations-'));
  process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
  const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
  for (const workspace of workspaces) {
    cpSync(join(ROOT, workspace), join(copy, workspace), {
      recursive: true,
      filter: (path) => !/\/(src|node_modules)$/.test(path),
    });
  }
  mkdirSync(join(copy, 'tmp'));
  // query serves the runbook
  symlinkSync(join(ROOT, 'docs'), join(copy, 'docs'));
  mkdirSync(join(copy, 'node_modules/@lyftr'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@lyftr') symlinkSync(join(ROOT, 'node_modules', name), join(copy, 'node_modules', name));
  }
  for (const workspace of workspaces) {
    const { name } = JSON.parse(readFileSync(join(copy, workspace, 'package.json'), 'utf8'));
    symlinkSync(join(copy, workspace), join(copy, 'node_modules', name));
  }
  return copy;
}

/** The file with every edit made. Throws when the program has changed and an edit no longer fits. */
function mutate(text, { name, file, edits }) {
  for (const [search, replacement] of edits) {
    const found = text.split(search).length - 1;
    if (found !== 1) throw new Error(`${name}: ${file} has ${found} times: ${search}`);
    text = text.replace(search, () => replacement);
  }
  return text;
}

let running;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    running?.kill('SIGTERM');
    process.exit(1);
  });
}

/** Resolves with `passed`, `failed` or `too long`, and what the tests printed. */
function runTests(copy, { tests, only }) {
  const pattern = only === undefined ? [] : [`--test-name-pattern=${only}`];
  const args = ['--test', '--test-reporter=spec', `--test-timeout=${TEST_MS_MAX}`, ...pattern, ...tests];
  return new Promise((resolve) => {
    // what a failed test keeps for inspection goes with the copy
    const env = { ...process.env, TMPDIR: join(copy, 'tmp') };
    // set when this runs inside a test, and then nothing would be printed
    delete env['NODE_TEST_CONTEXT'];
    running = spawn(process.execPath, args, { cwd: copy, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [];
    for (const stream of [running.stdout, running.stderr]) stream.on('data', (chunk) => output.push(chunk));
    const child = running;
    let isLate = false;
    const deadline = setTimeout(() => {
      isLate = true;
      child.kill('SIGTERM');
    }, TEST_MS_MAX + 10_000);
    child.on('close', (code) => {
      clearTimeout(deadline);
      const text = Buffer.concat(output).toString();
      if (isLate) resolve({ outcome: 'too long', text });
      else resolve({ outcome: code === 0 ? 'passed' : 'failed', text });
    });
  });
}

/** A pattern that matches nothing passes too, and proves nothing. */
const ranSomething = (text) => /^ℹ pass [1-9]/m.test(text);

const firstFailure = (text) => /^\s*✖ (.+?) \(\d/m.exec(text)?.[1] ?? '';

requireNode();
const { positionals: names } = readArguments(USAGE, { allowPositionals: true });
const chosen = MUTATIONS.filter(
  ({ name }) => names.length === 0 || names.some((part) => name.includes(part)),
);
if (chosen.length === 0) refuse(`No mutation has ${names.join(' or ')} in its name`);
await ensureDependencies();
await build();
if (!ensureRedisServer()) process.exit(1);
const copy = copyProgram();

const say = (line) => process.stdout.write(`${line}\n`);

// red means something only where the unbroken program is green
const suites = new Map(chosen.map(({ tests, only }) => [`${tests.join()} ${only ?? ''}`, { tests, only }]));
for (const suite of suites.values()) {
  const { outcome, text } = await runTests(copy, suite);
  if (outcome === 'passed' && ranSomething(text)) continue;
  say(text);
  say(`Without a mutation: ${outcome}, or nothing ran: ${suite.tests.join(' ')} ${suite.only ?? ''}`);
  process.exit(1);
}

let survivors = 0;
say(`${'mutation'.padEnd(60)} result    by`);
for (const mutation of chosen) {
  const file = join(copy, mutation.file);
  const original = readFileSync(file, 'utf8');
  writeFileSync(file, mutate(original, mutation));
  const { outcome, text } = await runTests(copy, mutation);
  writeFileSync(file, original);
  // a test that waits for something that never comes has noticed too
  const isCaught = outcome !== 'passed';
  if (!isCaught) survivors++;
  const result = isCaught ? 'red' : 'GREEN';
  say(`${mutation.name.padEnd(60)} ${result.padEnd(9)} ${firstFailure(text) || dirname(mutation.tests[0])}`);
}
say(`\n${chosen.length - survivors} of ${chosen.length} were noticed.`);
process.exit(survivors === 0 ? 0 : 1);
