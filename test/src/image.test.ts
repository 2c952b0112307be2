/** What is in the images: the Dockerfile's steps, done here on a copy of what has been built. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { instructions, ROOT, stages } from './deploy.js';
import { Process } from './system.js';

const SERVICES = ['ingest', 'writer', 'query'];
const MAINS = [...SERVICES.map((name) => `services/${name}/dist/main.js`), 'cli/dist/main.js'];

let directory: string;
/** `/app` of the stage `build`. */
let app: string;

/** A clean build has neither packages, nor what was compiled from a source that is gone. */
function isOfBuild(path: string): boolean {
  const compiled = /^(.*)\/dist\/([^.]+)\./.exec(path);
  return (
    basename(path) !== 'node_modules' &&
    (compiled === null || existsSync(`${compiled[1]}/src/${compiled[2]}.ts`))
  );
}

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'lyftr-image-'));
  app = join(directory, 'app');
  for (const line of stages.get('build')?.lines ?? []) {
    const [, from, to] = /^COPY (\S+) (\S+)$/.exec(line) ?? [];
    if (from !== undefined && to !== undefined && statSync(join(ROOT, from)).isDirectory())
      cpSync(join(ROOT, from), join(app, to), {
        recursive: true,
        filter: isOfBuild,
      });
    const clean = /^RUN (find .*)$/.exec(line)?.[1];
    if (clean !== undefined) execFileSync('sh', ['-c', clean], { cwd: app });
  }
});

after(() => rmSync(directory, { recursive: true, force: true }));

const textOf = (file: string): string => readFileSync(join(app, file), 'utf8');

/** What a compiled file names of this repository: imports, and files that run as a thread of their own. */
function namedIn(file: string): string[] {
  const names =
    /(?:from|import) ?\(?'(\.{1,2}\/[\w./-]+|@lyftr\/(?:shared|queue|sources|store)\/[\w/-]+)'|new URL\('([\w./-]+\.js)'/g;
  return [...textOf(file).matchAll(names)].map(([, imported, thread]) => {
    const name = imported ?? `./${thread}`;
    return name.startsWith('.')
      ? relative(app, resolve(app, dirname(file), name))
      : `${name.replace(/^@lyftr\/(\w+)/, '$1/dist')}.js`;
  });
}

/** Files of a folder in `src` that a compiled file names. */
function inFoldersOf(file: string): string[] {
  const folders = [...textOf(file).matchAll(/new URL\('([\w./-]+)\/', import/g)];
  return folders.flatMap(([, folder = '']) => {
    const path = join(dirname(file), folder);
    if (!/\/src\//.test(path)) return [];
    const names = readdirSync(join(app, path), { recursive: true, encoding: 'utf8' });
    return names.map((name) => join(path, name)).filter((name) => statSync(join(app, name)).isFile());
  });
}

test('the images have every file that a service or the command needs, and no other', () => {
  const needed = new Set<string>();
  const visit = (file: string): void => {
    if (needed.has(file)) return;
    needed.add(file);
    for (const name of namedIn(file)) visit(name);
    for (const name of inFoldersOf(file)) needed.add(name);
  };
  for (const main of MAINS) visit(main);
  const there = readdirSync(app, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /(^|\/)(src|dist|test)\/./.test(file) && statSync(join(app, file)).isFile(),
  );
  // what has nothing but types is an empty file once it is compiled
  const unneeded = there.filter(
    (file) => !needed.has(file) && !/^(\/\*.*?\*\/\s*)?export \{\};/s.test(textOf(file)),
  );
  assert.deepEqual(unneeded, []);
  assert.deepEqual(
    [...needed].filter((file) => !there.includes(file)),
    [],
  );
});

describe('the image of query', () => {
  let image: string;

  before(() => {
    image = join(directory, 'query');
    for (const line of instructions('query')) {
      const [, stage, from, to] = /^COPY (--from=build \/app\/)?(\S+) (\S+)$/.exec(line) ?? [];
      if (from === undefined || to === undefined || from.startsWith('--')) continue;
      const target = to.endsWith('/') ? join(to, basename(from)) : to;
      cpSync(join(stage === undefined ? ROOT : app, from), join(image, target), { recursive: true });
    }
    // the packages as they are here
    mkdirSync(join(image, 'node_modules/@lyftr'), { recursive: true });
    for (const name of readdirSync(join(ROOT, 'node_modules')))
      if (name !== '@lyftr') symlinkSync(join(ROOT, 'node_modules', name), join(image, 'node_modules', name));
    for (const name of ['shared', 'queue', 'sources', 'store'])
      symlinkSync(join(image, name), join(image, 'node_modules/@lyftr', name));
  });

  test('has the lyftr command', () => {
    const link = instructions('query').find((line) => line.endsWith(' /usr/local/bin/lyftr')) ?? '';
    const command = join(image, /^RUN ln -s \/app\/(\S+) /.exec(link)?.[1] ?? '');
    const env = { PATH: process.env['PATH'] };
    assert.match(execFileSync(command, ['--version'], { env, encoding: 'utf8' }), /^\d+\.\d+\.\d+\n$/);
    assert.match(execFileSync(command, ['status', '--help'], { env, encoding: 'utf8' }), /--watch/);
  });

  test('has every file that query reads, the runbook too', async () => {
    const env = { QUERY_PORT: '0', DATA_DIR: directory, REDIS_URL: 'redis://127.0.0.1:1' };
    const query = new Process('query', process.execPath, [join(image, 'services/query/dist/main.js')], env);
    try {
      const page = await fetch(`http://127.0.0.1:${await query.port()}/docs/runbook`);
      assert.equal(page.status, 200);
    } finally {
      await query.stop();
    }
  });
});
