/** The images: the Dockerfile against the workspace, and each service with what its image and the compose file set. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { instructions, isUser, read, ROOT, service, stages } from './deploy.js';
import { eventually } from './system.js';

describe('deploy/Dockerfile', () => {
  test('copies the manifest of every workspace, as npm ci demands', () => {
    const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] };
    const copied = instructions('manifests').flatMap(
      (line) => /^COPY (\S+\/package\.json) /.exec(line)?.[1] ?? [],
    );
    assert.deepEqual(
      copied.toSorted(),
      workspaces.map((workspace) => `${workspace}/package.json`).toSorted(),
    );
  });

  test('the build context holds what is copied from it, and no more', () => {
    const kept = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = [...stages.values()]
      .flatMap(({ lines }) => lines)
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1));
    for (const path of copied) {
      assert.ok(
        kept.some((entry) => path === entry || path.startsWith(`${entry}/`)),
        `.dockerignore leaves ${path} out`,
      );
    }
    for (const path of kept)
      assert.ok(
        copied.some((entry) => entry === path || entry.startsWith(`${path}/`)),
        path,
      );
  });

  for (const target of ['ingest', 'writer', 'query']) {
    test(`${target} runs as nobody special, and is the process that gets the signal`, () => {
      const lines = instructions(target);
      assert.equal(lines.findLast(isUser), 'USER node');
      assert.ok(lines.includes('STOPSIGNAL SIGTERM'));
      // the shell form would put a shell between the signal and the service
      assert.equal(lines.at(-1), `CMD ["node", "services/${target}/dist/main.js"]`);
      assert.ok(lines.some((line) => line.startsWith('ENV NODE_ENV=production')));
      assert.ok(lines.some((line) => /^ENV .*\bHOST=0\.0\.0\.0/.test(line)));
    });

    test(`${target} has its own dependencies only`, () => {
      const install = instructions(`${target}-modules`).join('\n');
      const wanted = target === 'query' ? ['query', 'cli'] : [target];
      assert.deepEqual(
        [...install.matchAll(/--workspace=@lyftr\/(\w+) /g)].map(([, name]) => name),
        wanted,
      );
      assert.match(install, /^RUN npm ci --omit=dev /m);
      const from = instructions(target).filter((line) => line.startsWith('COPY --from='));
      assert.deepEqual(from, [
        `COPY --from=${target}-modules /app/node_modules node_modules`,
        'COPY --from=build /app/shared shared',
        'COPY --from=build /app/queue queue',
        'COPY --from=build /app/sources sources',
        ...(target === 'ingest' ? [] : ['COPY --from=build /app/store store']),
        `COPY --from=build /app/services/${target} services/${target}`,
        ...(target === 'query' ? ['COPY --from=build /app/cli cli'] : []),
      ]);
    });
  }

  test('the examples that `lyftr trigger` sends are kept, and no other source', () => {
    const [, examples = ''] = /new URL\('\.\.\/src\/(\w+)\/'/.exec(read('sources/src/examples.ts')) ?? [];
    assert.notEqual(examples, '');
    const build = instructions('build').join('\n');
    assert.ok(
      build.includes(`find sources/src -mindepth 1 -maxdepth 1 ! -name ${examples} -exec rm -rf {} +`),
    );
    for (const folder of ['shared', 'queue', 'store', 'cli'])
      assert.match(build, new RegExp(`rm -rf [^&]*\\b${folder}/src\\b`));
  });

  test('what is compiled and what runs share a Node and a Debian', () => {
    const bases = [...stages.values()].map(({ from }) => from).filter((from) => !stages.has(from));
    assert.deepEqual(bases, ['node:24-bookworm', 'node:24-bookworm-slim']);
  });
});

describe('each service', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lyftr-deploy-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [name, portName] of [
    ['ingest', 'PORT'],
    ['writer', 'WRITER_PORT'],
    ['query', 'QUERY_PORT'],
  ] as const) {
    test(`${name} starts with what its image and the compose file set`, async () => {
      const env: Record<string, string> = {};
      for (const line of instructions(name)) {
        if (!line.startsWith('ENV ')) continue;
        for (const [, variable, value] of line.matchAll(/(\w+)=(\S+)/g))
          env[variable as string] = value as string;
      }
      for (const [variable, value] of Object.entries(service(name).environment ?? {})) {
        // what has to be set is given, and what need not be set has its default
        if (value !== null)
          env[variable] = value.replace(/^\$\{\w+:(.)(.*)\}$/, (_, kind, rest) =>
            kind === '-' ? rest : 'a-value-of-16-bytes',
          );
      }
      assert.ok(env[portName], `${name} is told no port`);
      // HOST stays: it is what makes a service demand a token
      Object.assign(env, { [portName]: '0', REDIS_URL: 'redis://127.0.0.1:1' });
      if (env['DATA_DIR'] !== undefined) env['DATA_DIR'] = directory;
      const child = spawn(process.execPath, [join(ROOT, `services/${name}/dist/main.js`)], { env });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk) => (output += String(chunk)));
      }
      try {
        await eventually(`${name} listening`, () => {
          assert.equal(child.exitCode, null, output);
          return output.includes('"listening"');
        });
      } finally {
        if (child.exitCode === null) {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }
      }
    });
  }
});

describe('deploy/healthcheck.mjs', () => {
  const check = async (port: number) => {
    const child = spawn(process.execPath, [join(ROOT, 'deploy/healthcheck.mjs'), String(port)]);
    const [code] = (await once(child, 'exit')) as [number];
    return code;
  };

  test('ends with 0 for an answer, with 1 for a refusal and for silence', async () => {
    let status = 200;
    const server = createServer((_req, res) => res.writeHead(status).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    assert.equal(await check(port), 0);
    status = 503;
    assert.equal(await check(port), 1);
    server.close();
    await once(server, 'close');
    assert.equal(await check(port), 1);
  });
});
