/** The rules of the layout, held by a test. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PROBLEMS } from '@lyftr/shared/errors';
import { SETTINGS } from '@lyftr/shared/runtime/env';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LINES_MAX = 300;

function sourcesUnder(folder: string): string[] {
  const found: string[] = [];
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name === 'node_modules' || name === 'dist' || name.startsWith('.')) continue;
    if (statSync(path).isDirectory()) found.push(...sourcesUnder(path));
    else if (/\.(ts|mjs|js)$/.test(name) && !name.endsWith('.d.ts')) found.push(path);
  }
  return found;
}

const SOURCES = sourcesUnder(ROOT).map((path) => ({
  path: relative(ROOT, path),
  text: readFileSync(path, 'utf8'),
}));

const markdown = (name: string) => readFileSync(join(ROOT, name), 'utf8');

function importsOf(text: string): string[] {
  return [
    ...text.matchAll(/^(?:import|export)\s[^;]*?from '([^']+)'|^import '([^']+)'|import\('([^']+)'\)/gms),
  ].map(([, a, b, c]) => (a ?? b ?? c) as string);
}

test('there is something to look at', () => {
  assert.ok(SOURCES.length > 40);
  assert.deepEqual(importsOf("import { a } from './a.js';\nimport type {\n  b,\n} from 'b';"), [
    './a.js',
    'b',
  ]);
});

/** What the code of a package may import of the other packages. */
const MAY_IMPORT: Record<string, string[]> = {
  shared: [],
  queue: ['shared'],
  sources: ['shared'],
  store: ['shared'],
  'services/ingest': ['shared', 'queue', 'sources'],
  'services/writer': ['shared', 'queue', 'sources', 'store'],
  'services/query': ['shared', 'queue', 'sources', 'store'],
  cli: ['shared', 'sources', 'store'],
};

test('packages import each other one way, by their names', () => {
  const wrong = SOURCES.flatMap(({ path, text }) => {
    const home = Object.keys(MAY_IMPORT).find((folder) => path.startsWith(`${folder}/`));
    if (home === undefined) return [];
    const allowed = [home, ...(MAY_IMPORT[home] as string[])].map((folder) => `@lyftr/${basename(folder)}`);
    return importsOf(text)
      .filter((name) => {
        if (name.startsWith('.'))
          return relative(join(ROOT, home), resolve(ROOT, dirname(path), name)).startsWith('..');
        const [scope, own] = name.split('/');
        return scope === '@lyftr' && !allowed.includes(`@lyftr/${own}`);
      })
      .map((name) => `${path} imports ${name}`);
  });
  assert.deepEqual(wrong, []);
});

test('contracts know no plumbing', () => {
  const wrong = SOURCES.filter(
    ({ path }) => /^shared\/src\/[^/]+\.ts$/.test(path) && !isForTests(path),
  ).flatMap(({ path, text }) =>
    importsOf(text)
      .filter((name) => /^\.\/(runtime|client)\/|express|ioredis|bullmq|pino/.test(name))
      .map((name) => `${path} imports ${name}`),
  );
  assert.deepEqual(wrong, []);
});

/** What one package alone knows. Tests look at it from outside. */
const KNOWN_BY_ONE: [what: RegExp, home: string][] = [
  [/better-sqlite3|\bSELECT\b.*\bFROM\b|\bINSERT INTO\b/, 'store/'],
  [/from 'bullmq'/, 'queue/'],
  [/'x-signature'|createHmac\([^)]*\)\.update\(body\)/, 'sources/'],
];

test('what has one door is behind it', () => {
  const isProduct = (path: string): boolean => !isForTests(path) && !path.startsWith('scripts/');
  for (const [what, home] of KNOWN_BY_ONE) {
    const elsewhere = SOURCES.filter(
      ({ path, text }) => isProduct(path) && !path.startsWith(home) && what.test(text),
    );
    assert.deepEqual(
      elsewhere.map(({ path }) => path),
      [],
    );
  }
});

test('imports inside a package run one way, and nobody imports main.ts', () => {
  const graph = new Map<string, string[]>();
  for (const { path, text } of SOURCES) {
    const targets = importsOf(text)
      .filter((name) => name.startsWith('.'))
      .map((name) => relative(ROOT, resolve(ROOT, dirname(path), name)).replace(/\.js$/, '.ts'));
    graph.set(path, targets);
    if (path.startsWith('scripts/')) continue;
    const mains = targets.filter((target) => basename(target) === 'main.ts');
    assert.deepEqual(mains, [], `${path} imports a main.ts`);
  }
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    if (done.has(path)) return;
    assert.ok(!trail.includes(path), `a circle of imports: ${[...trail, path].join(' → ')}`);
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
});

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

const manifestOf = (folder: string) => JSON.parse(markdown(join(folder, 'package.json'))) as Manifest;

const workspaces = (JSON.parse(markdown('package.json')) as { workspaces: string[] }).workspaces;

/** What runs only while somebody works on it. */
const isForTests = (path: string): boolean =>
  /^(test|bench)\/|\/contract\/|\.test\.|\/testing[^/]*$/.test(path);

/** Packages that a file imports, `isType` when nothing of them is there once it is compiled. */
function packagesIn(text: string): { name: string; isType: boolean }[] {
  const statement =
    /^(?:import|export)\s+(type\s)?[^;]*?from '([^']+)'|^import '([^']+)'|(?:import|require\.resolve|url\)\.resolve)\('([^'$]+)'\)/gms;
  return [...text.matchAll(statement)]
    .map(([, type, ...paths]) => ({ isType: type !== undefined, path: paths.find((path) => path) ?? '' }))
    .filter(({ path }) => !/^(\.|node:)/.test(path))
    .map(({ path, isType }) => ({ isType, name: /^(@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? '' }));
}

test('a package imports what it declares: for what runs as a dependency', () => {
  const { devDependencies: ofAll = {} } = manifestOf('.');
  const wrong = workspaces.flatMap((folder) => {
    const { dependencies = {}, devDependencies = {} } = manifestOf(folder);
    return SOURCES.filter(({ path }) => path.startsWith(`${folder}/`)).flatMap(({ path, text }) =>
      packagesIn(text)
        .filter(({ name, isType }) => {
          const forWork = isForTests(path) || isType ? { ...ofAll, ...devDependencies } : {};
          return !Object.hasOwn({ ...dependencies, ...forWork }, name);
        })
        .map(({ name }) => `${path} imports ${name}`),
    );
  });
  assert.deepEqual(wrong, []);
});

test('a package declares what it imports, and what its tests alone import not as a dependency', () => {
  const { devDependencies: ofAll = {} } = manifestOf('.');
  const wrong = workspaces.flatMap((folder) => {
    const { dependencies = {}, devDependencies = {} } = manifestOf(folder);
    const own = SOURCES.filter(({ path }) => path.startsWith(`${folder}/`));
    const running = own.filter(({ path }) => !isForTests(path) || isForTests(`${folder}/`));
    const isNamedIn = (sources: typeof SOURCES, name: string) =>
      sources.some(({ text }) => new RegExp(`['\`]${name.replace('@types/', '')}['/]`).test(text));
    return [
      ...Object.keys(dependencies).filter((name) => !isNamedIn(running, name)),
      ...Object.keys(devDependencies).filter((name) => !isNamedIn(own, name) || Object.hasOwn(ofAll, name)),
    ].map((name) => `${folder} declares ${name}`);
  });
  assert.deepEqual(wrong, []);
});

test('process.env is read in config.ts alone', () => {
  const readers = SOURCES.filter(({ path, text }) => {
    const isOutside =
      /^(test|bench|scripts)\//.test(path) || path.endsWith('.test.ts') || path.endsWith('/testing.ts');
    return !isOutside && basename(path) !== 'config.ts' && text.includes('process.env');
  });
  assert.deepEqual(
    readers.map(({ path }) => path),
    [],
  );
});

test('files can be read at one sitting', () => {
  const long = SOURCES.filter(
    ({ path, text }) => !path.endsWith('.test.ts') && text.split('\n').length > LINES_MAX,
  );
  assert.deepEqual(
    long.map(({ path }) => path),
    [],
  );
});

test('nothing is left over: markers, focused or unexplained skipped tests', () => {
  const marker = new RegExp(`\\b(${['TO', 'FIX', 'XX'].join('|')})(DO|ME|X)\\b|\\.only\\(|skip: true`);
  const left = SOURCES.filter(({ path, text }) => !path.endsWith('tidy.test.ts') && marker.test(text));
  assert.deepEqual(
    left.map(({ path }) => path),
    [],
  );
});

/** First cells of a Markdown table's rows, without their backticks. */
const firstCells = (text: string) => [...text.matchAll(/^\| `([^`]+)`/gm)].map(([, cell]) => cell as string);

const sectionOf = (name: string, heading: string) =>
  markdown(name)
    .split(/^## /m)
    .find((part) => part.startsWith(heading)) ?? '';

test('ARCHITECTURE.md lists every error of the table with its status, and no other', () => {
  const section = sectionOf('ARCHITECTURE.md', 'Errors');
  assert.deepEqual(firstCells(section).toSorted(), Object.keys(PROBLEMS).toSorted());
  for (const [code, { status }] of Object.entries(PROBLEMS)) {
    assert.match(section, new RegExp(`\`${code}\` *\\| *${status}\\b`));
  }
});

test('README.md lists every setting with its default, and no other', () => {
  const section = sectionOf('README.md', 'Settings');
  assert.deepEqual(firstCells(section).toSorted(), Object.keys(SETTINGS).toSorted());
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const fallback = 'default' in setting ? setting.default : undefined;
    if (typeof fallback === 'boolean' || fallback === undefined) continue;
    assert.match(section, new RegExp(`\\| \`${name}\` *\\| \`${String(fallback)}\``), name);
  }
});

test('ARCHITECTURE.md gives a reason for every dependency', () => {
  const text = markdown('ARCHITECTURE.md');
  const names = ['.', ...workspaces].flatMap((folder) => {
    const { dependencies = {}, devDependencies = {} } = manifestOf(folder);
    return Object.keys({ ...dependencies, ...devDependencies });
  });
  const unexplained = [...new Set(names)].filter(
    (name) => !name.startsWith('@lyftr/') && !text.includes(`\`${name}\``),
  );
  assert.deepEqual(unexplained, []);
});

test('LICENSE is the license that every package names', () => {
  assert.match(markdown('LICENSE'), /^MIT License\n\nCopyright \(c\) \d{4} Lyftr contributors\n/);
  const others = ['.', ...workspaces].filter(
    (folder) => (manifestOf(folder) as { license?: string }).license !== 'MIT',
  );
  assert.deepEqual(others, []);
});

test('the lockfile has the checksum of every package, and names no registry', () => {
  const { packages } = JSON.parse(markdown('package-lock.json')) as {
    packages: Record<string, { link?: boolean; integrity?: string; resolved?: string }>;
  };
  const fetched = Object.entries(packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && link !== true,
  );
  const wrong = fetched.filter(
    ([, { integrity, resolved }]) => integrity?.startsWith('sha512-') !== true || resolved !== undefined,
  );
  assert.ok(fetched.length > 100);
  assert.deepEqual(
    wrong.map(([path]) => path),
    [],
  );
});
