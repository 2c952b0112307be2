import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const dir = mkdtempSync(join(tmpdir(), 'lyftr-bin-'));
after(() => rmSync(dir, { recursive: true }));

/** A PATH that holds these programs alone, each a shell script. */
function fakePath(programs) {
  const bin = mkdtempSync(join(dir, 'bin-'));
  for (const [name, source] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${source}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}

/** Runs `expression` over the module under test, under `uid` 0 or not, and returns what it said. */
function evaluate(expression, PATH, uid = 0, { env = {}, args = [] } = {}) {
  const script = `
    process.getuid = () => ${uid};
    const packages = await import(${JSON.stringify(new URL('packages.mjs', import.meta.url).href)});
    process.stdout.write(JSON.stringify(${expression}));`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script, '--', ...args],
    {
      encoding: 'utf8',
      env: { PATH, ...env },
    },
  );
  return { value: JSON.parse(stdout), stderr };
}

/** Logs its calls beside itself, and "installs" by writing the program. */
const fakeApt = (installs) => `
echo "$@" >> "\${0%/*}/calls"
case "$1" in install) ${installs} ;; esac`;

const INSTALLS_REDIS = 'echo "#!/bin/sh" > "${0%/*}/redis-server"; /bin/chmod +x "${0%/*}/redis-server"';

test('a redis-server that is there is left alone', () => {
  const bin = fakePath({ 'valkey-server': '', 'apt-get': 'exit 1' });
  assert.deepEqual(evaluate('packages.ensureRedisServer()', bin), { value: true, stderr: '' });
});

test('a missing redis-server is installed with the package manager, and a line says so', () => {
  const bin = fakePath({ 'apt-get': fakeApt(INSTALLS_REDIS) });
  const { value, stderr } = evaluate('packages.ensureRedisServer()', bin);
  assert.equal(value, true);
  assert.equal(stderr, 'Installing redis-server with apt-get…\n');
  const calls = readFileSync(join(bin, 'calls'), 'utf8').split('\n');
  assert.equal(calls[0], 'update');
  assert.match(calls[1], /^install -y --no-install-recommends .*redis-server$/);
});

test('without the right to install, one line says exactly what to run', () => {
  for (const programs of [{ 'apt-get': '' }, { 'apt-get': '', sudo: 'exit 1' }]) {
    const { value, stderr } = evaluate('packages.ensureRedisServer()', fakePath(programs), 1000);
    assert.equal(value, false);
    assert.equal(
      stderr,
      'No redis-server was found. Run: sudo apt-get update && sudo apt-get install -y --no-install-recommends redis-server' +
        ' (or set REDIS_URL to a Redis that is there)\n',
    );
  }
});

const ADVICE = 'Run: sudo apt-get update && sudo apt-get install -y --no-install-recommends redis-server';

test('nothing is installed for one who said so, and one line says what to run', () => {
  for (const how of [{ env: { LYFTR_NO_INSTALL: '1' } }, { args: ['start', '--no-install'] }]) {
    const bin = fakePath({ 'apt-get': fakeApt(INSTALLS_REDIS) });
    const { value, stderr } = evaluate('[packages.ensureRedisServer(), process.argv]', bin, 0, how);
    assert.equal(value[0], false);
    assert.ok(!value[1].includes('--no-install'));
    assert.ok(stderr.startsWith(`No redis-server was found. ${ADVICE}`), stderr);
    assert.equal(existsSync(join(bin, 'calls')), false);
    const other = evaluate("packages.ensurePackages('faketime', 'This')", bin, 0, how);
    assert.match(other.stderr, /^This needs faketime\. Run: sudo apt-get .* faketime\n$/);
  }
});

test(
  'at a terminal the question comes first, and only a yes installs',
  { skip: spawnSync('script', ['--version']).status !== 0 && 'util-linux script makes the terminal' },
  () => {
    for (const [answer, isInstalled] of [
      ['y', true],
      ['', false],
      ['n', false],
    ]) {
      const bin = fakePath({ 'apt-get': fakeApt(INSTALLS_REDIS) });
      const source = `process.getuid = () => 0;
        const packages = await import(${JSON.stringify(new URL('packages.mjs', import.meta.url).href)});
        process.env.PATH = ${JSON.stringify(bin)};
        packages.ensureRedisServer();`;
      const file = join(bin, 'run.mjs');
      writeFileSync(file, source);
      const { stdout } = spawnSync('script', ['-qec', `'${process.execPath}' '${file}'`, '/dev/null'], {
        encoding: 'utf8',
        input: `${answer}\n`,
      });
      assert.match(stdout, /Install redis-server with apt-get\? \[y\/N\]/);
      assert.equal(existsSync(join(bin, 'redis-server')), isInstalled, stdout);
    }
  },
);

test('sudo is used when it asks for no password', () => {
  const bin = fakePath({ sudo: 'shift; [ "$1" = true ] || exec "$@"', 'apt-get': fakeApt(INSTALLS_REDIS) });
  assert.equal(evaluate('packages.ensureRedisServer()', bin, 1000).value, true);
});

test('a failed installation shows its output and the line', () => {
  const bin = fakePath({ 'apt-get': 'echo "E: no network" >&2; exit 100' });
  const { value, stderr } = evaluate('packages.ensureRedisServer()', bin);
  assert.equal(value, false);
  assert.match(stderr, /E: no network\n/);
  assert.match(stderr, /Run: sudo apt-get update/);
});

test('where a distribution has no Redis any more, the other name is tried', () => {
  const dnf = 'case "$*" in *valkey) exit 1 ;; *) ' + INSTALLS_REDIS + ' ;; esac';
  assert.equal(evaluate('packages.ensureRedisServer()', fakePath({ dnf })).value, true);
});

test('without a known package manager the line points to Redis', () => {
  const { value, stderr } = evaluate('packages.ensureRedisServer()', fakePath({}));
  assert.equal(value, false);
  assert.match(stderr, /^No redis-server was found\. Install Redis 7 or Valkey .*\n$/);
});
