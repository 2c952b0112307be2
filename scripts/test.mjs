/** Everything that has to hold: build, format, lint, tests. Ends with the code of the first step that fails. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { NO_INSTALL_USAGE, readArguments, refuse } from './arguments.mjs';
import { ensureRedisServer } from './packages.mjs';
import { build, ensureDependencies, requireNode, ROOT } from './setup.mjs';

const USAGE = `Usage: npm test [-- NAME…]

Builds, checks format and lint, and runs every test. With NAMEs, it builds and runs the test files whose paths contain one
of them.

${NO_INSTALL_USAGE}`;

/** From the sources, not from dist: a compiled test whose source is gone must not run. */
function testFiles() {
  const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const compiled = workspaces.flatMap((workspace) =>
    readdirSync(join(ROOT, workspace, 'src'), { recursive: true })
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => join(workspace, 'dist', file.replace(/\.ts$/, '.js'))),
  );
  const scripts = readdirSync(join(ROOT, 'scripts')).filter((file) => file.endsWith('.test.mjs'));
  return [...compiled, ...scripts.map((file) => join('scripts', file))];
}

function step(name, args) {
  process.stdout.write(`\n> ${name}\n`);
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

requireNode();
const { positionals: names } = readArguments(USAGE, { allowPositionals: true });
const files = testFiles().filter((file) => names.length === 0 || names.some((name) => file.includes(name)));
if (files.length === 0) refuse(`No test file has ${names.join(' or ')} in its path`);
await ensureDependencies();
await build();
if (!ensureRedisServer()) process.exit(1);

if (names.length === 0) {
  step('oxfmt --check', ['node_modules/oxfmt/bin/oxfmt', '--check']);
  step('oxlint', ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings']);
}
// Explicit files: quoted globs fail on Node 20, and a bare `--test` on newer ones also runs the TypeScript sources.
step(`node --test (${files.length} files)`, [
  '--test',
  // many files wait for time to pass: more of them at a time than there are cores
  `--test-concurrency=${availableParallelism() + 1}`,
  // a file that hangs is a failure, not a wait
  '--test-timeout=600000',
  '--test-reporter=spec',
  ...files,
]);
