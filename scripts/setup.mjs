/** Makes a fresh clone runnable with nothing but Node and npm: dependencies, then the build. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages, onPath } from './packages.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_MIN = [20, 19];
const LOCKFILE = join(ROOT, 'package-lock.json');
/** npm writes this one last, so it describes a complete installation. */
const INSTALLED_LOCKFILE = join(ROOT, 'node_modules/.package-lock.json');
const STAMP = join(ROOT, 'node_modules/.lyftr-install');

/** Ends the process with one line on an older Node. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return;
  process.stderr.write(
    `Lyftr needs Node ${NODE_MIN.join('.')} or newer; this is ${process.versions.node}: https://nodejs.org\n`,
  );
  process.exit(1);
}

const readText = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

/** Runs a command in silence. A signal that ends us ends it too: npm must not go on without its terminal. */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    let interrupted;
    const forward = (signal) => {
      interrupted = signal;
      child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const end = (ok) => {
      if (interrupted) process.exit(128 + constants.signals[interrupted]);
      for (const signal of signals) process.off(signal, forward);
      resolve({ ok, output: Buffer.concat(chunks).toString() });
    };
    child.on('error', (error) => {
      chunks.push(Buffer.from(`${error.message}\n`));
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}

const node = (...args) => run(process.execPath, args);

/** Whether somebody's own `npm ci` or `npm install` left exactly what the lockfile asks for. */
function matchesLockfile() {
  try {
    const wanted = JSON.parse(readFileSync(LOCKFILE, 'utf8')).packages;
    const present = JSON.parse(readFileSync(INSTALLED_LOCKFILE, 'utf8')).packages;
    return Object.entries(wanted).every(
      ([path, entry]) =>
        !path.includes('node_modules/') || entry.optional || present[path]?.version === entry.version,
    );
  } catch {
    return false;
  }
}

/** better-sqlite3 is compiled for one ABI of Node; only loading it tells whether it is this one's. */
function nativeModule() {
  return node('-e', "new (require('better-sqlite3'))(':memory:')");
}

/** npm comes with Node, but not always on PATH under the same Node: `npm start` says where its own is. */
function npmInstall() {
  // the compiler and the linter are development dependencies, which NODE_ENV=production would leave out
  const args = ['ci', '--include=dev', '--no-fund', '--no-audit'];
  const npm = process.env['npm_execpath'];
  return npm?.endsWith('npm-cli.js') ? node(npm, ...args) : run('npm', args);
}

function lacksCompiler() {
  return !onPath('make') || !onPath('g++', 'c++', 'clang++') || !onPath('python3', 'python');
}

/** Installs the locked dependencies unless they are there for this Node. Ends the process when it cannot. */
export async function ensureDependencies() {
  const hash = createHash('sha256').update(readFileSync(LOCKFILE)).digest('hex');
  const stamp = `${hash} abi-${process.versions.modules}-${process.platform}-${process.arch}\n`;
  if (readText(STAMP) === stamp) return;
  if (!matchesLockfile() || !(await nativeModule()).ok) {
    process.stderr.write(
      'Installing dependencies (a minute or two where better-sqlite3 has to be compiled)…\n',
    );
    let result = await npmInstall();
    if (!result.ok && /node-gyp|gyp ERR|prebuild-install/.test(result.output) && lacksCompiler()) {
      const compiler = installPackages('compiler');
      if (compiler.ok) result = await npmInstall();
      else if (compiler.advice) result.output += `\nA native module needs a compiler: ${compiler.advice}\n`;
    }
    if (!result.ok) {
      process.stderr.write(`${result.output}\nnpm ci failed; its output is above.\n`);
      process.exit(1);
    }
    const loaded = await nativeModule();
    if (!loaded.ok) {
      process.stderr.write(
        `${loaded.output}\nbetter-sqlite3 was installed but does not load; why is above.\n`,
      );
      process.exit(1);
    }
  }
  writeFileSync(STAMP, stamp);
}

/** Compiles `projects` and what they refer to (everything by default); ends the process with the compiler's words. */
export async function build(...projects) {
  if (readText(join(ROOT, 'cli/dist/main.js')) === undefined) process.stderr.write('Building…\n');
  const { ok, output } = await node('node_modules/typescript/bin/tsc', '-b', ...projects);
  if (ok) return;
  process.stderr.write(`${output}The build failed.\n`);
  process.exit(1);
}
