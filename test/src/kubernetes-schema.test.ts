/** The Kubernetes manifests against what the API's own schema and types say, and through kustomize where it is. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { read, ROOT } from './deploy.js';
import {
  base,
  KUSTOMIZATION,
  manifests,
  MONITORING,
  parseManifests,
  restorePod,
  type Manifest,
} from './kubernetes.js';

const OPERATOR = 'monitoring.coreos.com/v1';
const moduleOf = (apiVersion: string): string =>
  apiVersion === OPERATOR
    ? `@kubernetes-models/prometheus-operator/${apiVersion}`
    : `kubernetes-models/${apiVersion}`;

/** Throws what the published JSON Schema of its kind has against it. */
async function validate(manifest: Manifest): Promise<void> {
  const models = (await import(moduleOf(manifest.apiVersion))) as Record<
    string,
    new (data: unknown) => { validate(): void }
  >;
  const Model = models[manifest.kind];
  assert.ok(Model, `${manifest.apiVersion} has no ${manifest.kind}`);
  new Model(manifest).validate();
}

/**
 * The schema lets unknown members pass, as the API server does; the types made from it do not, for a literal. Returns
 * what the compiler says, one line a fault.
 */
function unknownMembers(all: readonly Manifest[]): string {
  // inside the workspace, so that the packages are found
  const directory = mkdtempSync(join(ROOT, 'test/dist/kubernetes-'));
  try {
    const lines = all.map((manifest, index) => {
      const type = `import('${moduleOf(manifest.apiVersion)}').I${manifest.kind}`;
      return `export const manifest${index}: ${type} = ${JSON.stringify(manifest)};`;
    });
    const file = join(directory, 'manifests.ts');
    writeFileSync(file, lines.join('\n'));
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const options = [
      '--noEmit',
      '--strict',
      '--ignoreConfig',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--types',
      '',
    ];
    const { stdout, stderr } = spawnSync(process.execPath, [compiler, ...options, file], {
      encoding: 'utf8',
      cwd: directory,
    });
    return `${stdout}${stderr}`;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('every manifest is what the published schema of its kind says', async () => {
  assert.ok(manifests.length > 10);
  for (const manifest of [...manifests, ...restorePod]) await validate(manifest);
});

test('no manifest has a member that its kind does not know', () => {
  assert.equal(unknownMembers([...manifests, ...restorePod]), '');
});

test('a wrong value and a misspelt member are found', async () => {
  const [manifest] = manifests.filter(({ kind }) => kind === 'Deployment');
  const wrong = structuredClone(manifest) as Manifest;
  (wrong.spec.template.spec as { containers: unknown }).containers = 'none';
  await assert.rejects(validate(wrong), /containers/);
  const misspelt = structuredClone(manifest) as Manifest;
  Object.assign(misspelt.spec.template.spec.containers[0]?.livenessProbe ?? {}, { perioSeconds: 1 });
  assert.match(unknownMembers([misspelt]), /perioSeconds/);
});

test('kustomization.yaml lists every file beside it', () => {
  for (const [folder, { resources }] of [
    ['', KUSTOMIZATION],
    ['monitoring', MONITORING],
  ] as const) {
    const files = readdirSync(join(ROOT, 'deploy/kubernetes', folder), { withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'kustomization.yaml')
      .map(({ name }) => name);
    assert.deepEqual(resources.toSorted(), files.toSorted());
  }
});

test("the runbook's command makes a PrometheusRule of the alerts", async () => {
  const command = /^\| the alerts \| `(.*) \\\| kubectl /m.exec(read('docs/runbook.md'))?.[1] ?? '';
  const { stdout } = spawnSync('sh', ['-c', command], { encoding: 'utf8', cwd: ROOT });
  const [rule] = parseManifests(stdout) as [Manifest];
  assert.equal(rule.kind, 'PrometheusRule');
  await validate(rule);
  assert.equal(unknownMembers([rule]), '');
  const rules = read('deploy/prometheus/rules.yml').replaceAll(
    'http://localhost:8000',
    'https://lyftr.example',
  );
  assert.deepEqual(rule.spec, parse(rules));
});

const kubectl = spawnSync('kubectl', ['version', '--client']);
test(
  'kustomize gives everything the tags that are asked for, and the settings',
  { skip: kubectl.error !== undefined && 'there is no kubectl on this machine' },
  () => {
    const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', join(ROOT, 'deploy/kubernetes')], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const built = parseManifests(stdout);
    assert.equal(built.length, base.length + KUSTOMIZATION.configMapGenerator.length);
    for (const { metadata } of built) assert.equal(metadata.namespace, undefined, metadata.name);
    for (const { name, newTag } of KUSTOMIZATION.images)
      assert.ok(stdout.includes(`image: ${name}:${newTag}`));
  },
);
