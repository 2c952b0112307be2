/** Every setting reaches its service in a container: a new one must be passed on, or be left out for a reason. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { requireLongSecretsBeyondLoopback, SETTINGS } from '@lyftr/shared/runtime/env';
import { instructions, read, ROOT, service, services } from './deploy.js';
import { KUSTOMIZATION, workloads } from './kubernetes.js';

const SERVICES = ['ingest', 'writer', 'query'] as const;

/** Settings that no container is given, and why. */
const LEFT_OUT = new Map([
  ['CRASH_AT', 'it is for tests'],
  ['QUERY_URL', 'nginx sends reads to query'],
  ['ALLOW_ANONYMOUS_READS', 'a token is demanded'],
  ['STORE_URL', 'there is no other store than SQLite on the volume'],
  ['WRITER_URL', 'a writer is reached at the name of its container'],
]);

const namesIn = (code: string): string[] =>
  [...code.matchAll(/'([A-Z_]+)'/g)]
    .map(([, name]) => name as string)
    .filter((name) => Object.hasOwn(SETTINGS, name));

/** The names that the service's own configuration reads, and in the image of query those that its commands read. */
function settingsOf(name: string): string[] {
  const own = namesIn(read(`services/${name}/src/config.ts`));
  if (name !== 'query') return own;
  const [, ofCommands = ''] = read('cli/src/config.ts').split('function readClientConfig');
  // the URLs stand for them
  const others = namesIn(ofCommands).filter((setting) => !setting.endsWith('PORT'));
  return [...new Set([...own, ...others])];
}

/** What the image says already: where its service listens, and where its data is. */
const inImage = (name: string): string[] =>
  instructions(name)
    .filter((line) => line.startsWith('ENV '))
    .flatMap((line) => [...line.matchAll(/(\w+)=/g)].map(([, variable]) => variable as string));

const isSecret = (setting: string): boolean => /SECRET|TOKEN/.test(setting);

test('every setting is read by a service', () => {
  const all = new Set(SERVICES.flatMap(settingsOf));
  assert.deepEqual([...all].toSorted(), Object.keys(SETTINGS).toSorted());
});

describe('docker-compose.yml', () => {
  for (const [name, { build, environment = {} }] of services) {
    const target = build?.target;
    if (target === undefined) continue;
    test(`${name} is given every setting that it reads`, () => {
      const given = [...Object.keys(environment), ...inImage(target), ...LEFT_OUT.keys()];
      assert.deepEqual(
        settingsOf(target).filter((setting) => !given.includes(setting)),
        [],
      );
    });

    test(`${name} is given no setting that it does not read`, () => {
      const known = settingsOf(target);
      assert.deepEqual(
        Object.keys(environment).filter((variable) => !known.includes(variable)),
        [],
      );
    });
  }

  test('nothing is left out that is given all the same', () => {
    const given = SERVICES.flatMap((name) => Object.keys(service(name).environment ?? {}));
    for (const setting of LEFT_OUT.keys()) assert.ok(!given.includes(setting), setting);
  });
});

describe('deploy/kubernetes', () => {
  const [settings] = KUSTOMIZATION.configMapGenerator;

  test('the settings that can be changed are in one place', () => {
    assert.equal(KUSTOMIZATION.configMapGenerator.length, 1);
    for (const literal of settings?.literals ?? []) {
      const [name = '', value] = literal.split('=');
      assert.ok(Object.hasOwn(SETTINGS, name) && !isSecret(name) && value !== '', literal);
    }
  });

  for (const { spec } of workloads) {
    for (const { name, env = [], envFrom = [] } of spec.template.spec.containers) {
      if (!SERVICES.some((known) => known === name)) continue;
      test(`${name} is given every setting that it reads`, () => {
        assert.deepEqual(envFrom, [{ configMapRef: { name: settings?.name } }]);
        const given = env.map((each) => each.name);
        const secrets = settingsOf(name).filter(isSecret);
        assert.deepEqual(
          secrets.filter((secret) => !given.includes(secret)),
          [],
        );
        // a value that stands here is one that the settings cannot change
        for (const each of env)
          assert.ok(isSecret(each.name) || (each.name.endsWith('_URL') && each.value), each.name);
      });
    }
  }
});

describe('a secret that can be guessed', () => {
  const LONG = '0123456789abcdef';
  const SHORT = LONG.slice(1);
  const MAINS = [...SERVICES.map((name) => `services/${name}/dist/main.js`), 'cli/dist/main.js'];

  /** What a process says when it refuses its settings; one that accepts these finds no Redis, and is ended. */
  const start = (main: string, settings: Record<string, string>) => {
    const folder = mkdtempSync(join(tmpdir(), 'lyftr-secret-'));
    const ports = { PORT: '0', QUERY_PORT: '0', WRITER_PORT: '0' };
    const env = { PATH: process.env['PATH'], ...ports, DATA_DIR: folder, ...settings };
    const args = [join(ROOT, main), ...(main.startsWith('cli') ? ['up'] : [])];
    const run = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 20_000 });
    rmSync(folder, { recursive: true, force: true });
    return { status: run.status, said: run.stdout + run.stderr };
  };

  for (const main of MAINS) {
    test(`${main} refuses it beyond loopback`, () => {
      for (const HOST of ['0.0.0.0', '::']) {
        const { status, said } = start(main, { HOST, WEBHOOK_SECRET: LONG, API_TOKEN: SHORT });
        assert.equal(status, 78, said);
        assert.match(said, /API_TOKEN must have at least 16 bytes when HOST is/);
        assert.doesNotMatch(said, new RegExp(SHORT));
        if (main.includes('writer')) continue;
        const settings = { HOST, API_TOKEN: LONG, WEBHOOK_SECRET: 'x', WEBHOOK_SECRET_PREVIOUS: SHORT };
        const signing = start(main, settings);
        assert.equal(signing.status, 78, signing.said);
        assert.match(signing.said, /WEBHOOK_SECRET must have at least 16 bytes/);
        assert.match(signing.said, /WEBHOOK_SECRET_PREVIOUS must have at least 16 bytes/);
      }
    });
  }

  test('is taken on loopback, and its length is counted in bytes', () => {
    for (const HOST of ['127.0.0.1', 'localhost', '::1'])
      requireLongSecretsBeyondLoopback({ HOST, WEBHOOK_SECRET: 'x', API_TOKEN: 'x' });
    requireLongSecretsBeyondLoopback({ HOST: '0.0.0.0', WEBHOOK_SECRET: 'ä'.repeat(8), API_TOKEN: LONG });
  });
});
