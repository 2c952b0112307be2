/** Programs that npm cannot install, through the system's own package manager, when that is allowed. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isatty } from 'node:tty';

/**
 * One row per package manager. `packages` lists alternatives: the first group that installs is taken, because
 * distributions have been replacing Redis with Valkey, which speaks the same protocol and keeps the same files.
 */
const MANAGERS = [
  {
    command: 'apt-get',
    prepare: ['update'],
    install: ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=60'],
    packages: {
      redis: [['redis-server']],
      compiler: [['python3', 'make', 'g++']],
      strace: [['strace']],
      promtool: [['prometheus']],
      wrk: [['wrk']],
      faketime: [['faketime']],
      fastapi: [['python3-fastapi', 'uvicorn']],
    },
  },
  {
    command: 'apk',
    install: ['add', '--no-cache'],
    packages: {
      redis: [['redis'], ['valkey']],
      compiler: [['python3', 'make', 'g++']],
      strace: [['strace']],
      promtool: [['prometheus']],
    },
  },
  {
    command: 'dnf',
    install: ['install', '-y'],
    packages: {
      redis: [['valkey'], ['redis']],
      compiler: [['python3', 'make', 'gcc-c++']],
      strace: [['strace']],
    },
  },
  {
    command: 'yum',
    install: ['install', '-y'],
    packages: {
      redis: [['valkey'], ['redis']],
      compiler: [['python3', 'make', 'gcc-c++']],
      strace: [['strace']],
    },
  },
  {
    command: 'pacman',
    install: ['-Sy', '--noconfirm', '--needed'],
    packages: {
      redis: [['valkey']],
      compiler: [['python', 'make', 'gcc']],
      strace: [['strace']],
      promtool: [['prometheus']],
    },
  },
  {
    command: 'zypper',
    install: ['--non-interactive', 'install'],
    packages: {
      redis: [['valkey'], ['redis']],
      compiler: [['python3', 'make', 'gcc-c++']],
      strace: [['strace']],
    },
  },
  // Homebrew belongs to a user and refuses root; its compiler comes with Xcode.
  { command: 'brew', asUser: true, install: ['install'], packages: { redis: [['redis']] } },
];

/** The first of these programs that PATH holds, or undefined. */
export function onPath(...names) {
  for (const name of names) {
    for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
      const file = join(directory, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // not in this directory
      }
    }
  }
  return undefined;
}

/** `undefined` when this process may not install anything; otherwise what goes in front of the command. */
function privilege(manager) {
  if (manager.asUser || process.getuid?.() === 0) return [];
  const sudo = onPath('sudo');
  if (sudo && spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0) return [sudo, '-n'];
  return undefined;
}

function run(command, args) {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return { ok: result.status === 0, output: `${result.stdout ?? ''}${result.stderr ?? ''}` };
}

/** What a person would type to install the same. */
function spelled(manager, names) {
  const sudo = manager.asUser ? '' : 'sudo ';
  const prepare = manager.prepare ? `${sudo}${manager.command} ${manager.prepare.join(' ')} && ` : '';
  const verb =
    manager.command === 'apt-get' ? 'install -y --no-install-recommends' : manager.install.join(' ');
  return `${prepare}${sudo}${manager.command} ${verb} ${names.join(' ')}`;
}

/** Taken out of the arguments: what runs next does not know it. */
function takeNoInstall() {
  const at = process.argv.indexOf('--no-install', 2);
  if (at !== -1) process.argv.splice(at, 1);
  return at !== -1 || process.env['LYFTR_NO_INSTALL'] === '1';
}

const noInstall = takeNoInstall();

/** Asks at a terminal, and takes only a yes for one; elsewhere nobody is there to ask. */
function isAgreed(question) {
  if (!isatty(0) || !isatty(2)) return true;
  process.stderr.write(`${question} [y/N] `);
  const answer = Buffer.alloc(256);
  const length = readSync(0, answer);
  return /^y(es)?$/i.test(answer.toString('utf8', 0, length).trim());
}

/**
 * Installs `what`, a key of `packages`, when that is allowed and a person at the terminal agrees. Returns `{ ok: true }`, or `{ ok: false, advice }` with the
 * command that a person with the right to do so can run; the output of a failed attempt goes to standard error.
 */
export function installPackages(what) {
  const manager = MANAGERS.find(({ command, packages }) => packages[what] && onPath(command));
  if (manager === undefined) return { ok: false, advice: undefined };
  const groups = manager.packages[what];
  const advice = spelled(manager, groups[0]);
  if (noInstall) return { ok: false, advice };
  const prefix = privilege(manager);
  if (prefix === undefined) return { ok: false, advice };
  if (!isAgreed(`Install ${groups[0].join(' ')} with ${manager.command}?`)) return { ok: false, advice };

  const invoke = (args) => {
    const [command, ...rest] = [...prefix, manager.command, ...args];
    return run(command, rest);
  };
  process.stderr.write(`Installing ${groups[0].join(' ')} with ${manager.command}…\n`);
  const outputs = [];
  if (manager.prepare) outputs.push(invoke(manager.prepare).output);
  for (const group of groups) {
    const { ok, output } = invoke([...manager.install, ...group]);
    if (ok) return { ok: true };
    outputs.push(output);
  }
  process.stderr.write(outputs.join(''));
  return { ok: false, advice };
}

/** Installs `what`, which `purpose` needs. Returns false after one line that says what to run. */
export function ensurePackages(what, purpose) {
  const { ok, advice } = installPackages(what);
  if (!ok) process.stderr.write(`${purpose} needs ${what}.${advice ? ` Run: ${advice}` : ''}\n`);
  return ok;
}

/** Some packages start a server of their own, which nobody here uses: says so, and leaves it to the owner. */
function sayIfServiceStarted() {
  const systemctl = onPath('systemctl');
  if (systemctl === undefined) return;
  for (const unit of ['redis-server', 'redis', 'valkey']) {
    const active = spawnSync(systemctl, ['is-active', '--quiet', unit], { stdio: 'ignore' }).status === 0;
    if (!active) continue;
    process.stderr.write(
      `The package also started the service ${unit}, which Lyftr does not use: sudo systemctl disable --now ${unit}\n`,
    );
    return;
  }
}

/** Finds or installs a Redis server. Returns false after one line that says what to run. */
export function ensureRedisServer() {
  if (onPath('redis-server', 'valkey-server')) return true;
  const { ok, advice } = installPackages('redis');
  if (ok && onPath('redis-server', 'valkey-server')) {
    sayIfServiceStarted();
    return true;
  }
  const remedy = advice ? `Run: ${advice}` : 'Install Redis 7 or Valkey (https://redis.io/docs/install)';
  process.stderr.write(`No redis-server was found. ${remedy} (or set REDIS_URL to a Redis that is there)\n`);
  return false;
}
