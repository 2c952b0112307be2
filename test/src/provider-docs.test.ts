/** The pages of the providers and of the sources say what the program does. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, test } from 'node:test';
import { RELOAD, sourceOf, type Provider } from '@lyftr/cli/provider';
import { PROVIDERS } from '@lyftr/cli/providers';
import { exampleEvents, readExample } from '@lyftr/sources/examples';
import { sourceSchema } from '@lyftr/sources/file-schema';
import { readSourcesFile } from '@lyftr/sources/file';
import { Expressions } from '@lyftr/sources/mapping/jsonata';
import { mapDelivery } from '@lyftr/sources/mapping/mapping';
import { PRESETS, SCHEME_NAMES } from '@lyftr/sources/source';
import { NEAR_MISSES, REJECT_REASONS } from '@lyftr/shared/sources';
import { ROOT } from './deploy.js';

const PAGES = 'docs/providers';
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const pages = readdirSync(join(ROOT, PAGES)).map((name) => `${PAGES}/${name}`);
const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, block]) => block as string);
/** Words without line breaks and marks of code. */
const plain = (text: string): string => text.replaceAll('`', '').replaceAll(/\s+/g, ' ');

const isGeneric = (provider: Provider): boolean => provider.members('').scheme === 'generic';
const pageOf = (name: string, provider: Provider): string =>
  read(`${PAGES}/${isGeneric(provider) ? 'generic' : name}.md`);

for (const [name, provider] of Object.entries(PROVIDERS))
  test(`the page of ${name} has its source and its steps`, () => {
    const page = pageOf(name, provider);
    const address = `https://hooks.example.com/webhook/${name}`;
    const place = { name, address, secret: `secrets/${name}`, token: `secrets/${name}-verify-token` };
    const sources = blocks(page, 'json').map((block) => JSON.parse(block) as { name?: string });
    assert.deepEqual(
      sources.find((source) => source.name === name),
      sourceOf(provider, place),
    );
    assert.ok(
      page.includes(`lyftr sources init ${name} --file sources.json --origin https://hooks.example.com`),
    );
    for (const step of provider.steps.filter((each) => each !== RELOAD && !each.startsWith('Run: '))) {
      const text = step
        .replace('{address}', address)
        .replace('{secret}', place.secret)
        .replace('{token}', place.token);
      assert.ok(plain(page).includes(plain(text)), text);
    }
  });

test('every page is of a provider, and the table leads to each', () => {
  const own = Object.keys(PROVIDERS).filter((name) => !isGeneric(PROVIDERS[name] as Provider));
  const expected = [...own, 'generic', 'README'].map((name) => `${PAGES}/${name}.md`);
  assert.deepEqual(pages.toSorted(), expected.toSorted());
  const table = read(`${PAGES}/README.md`);
  for (const name of [...own, 'generic']) assert.ok(table.includes(`(${name}.md)`), name);
  for (const name of SCHEME_NAMES) if (name !== 'lyftr') assert.ok(table.includes(`\`${name}\``), name);
});

test('an example that a page sends is there', () => {
  const sent = [...pages, 'docs/sources.md'].flatMap((path) => [
    ...read(path).matchAll(/lyftr trigger (\S+) (\S+)/g),
  ]);
  assert.ok(sent.length >= 14);
  for (const [line, provider = '', event = ''] of sent)
    assert.ok(exampleEvents(provider).includes(event), line);
});

/** As GitHub makes an anchor of a heading. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

test('every link of the documents leads somewhere', () => {
  const documents = [...pages, 'docs/sources.md', 'docs/runbook.md', 'README.md'];
  const links = documents.flatMap((path) =>
    [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => [path, link] as const),
  );
  const inside = links.filter(([, link]) => !/^https?:/.test(link));
  assert.ok(inside.length > 40);
  for (const [path, link] of inside) {
    const [target = '', anchor] = link.split('#');
    const file = target === '' ? path : relative(ROOT, join(ROOT, dirname(path), target));
    assert.ok(existsSync(join(ROOT, file)), `${path}: ${link}`);
    if (anchor !== undefined) assert.ok(anchorsOf(read(file)).includes(anchor), `${path}: ${link}`);
  }
});

const guide = read('docs/sources.md');
const [whole = '', mapping = ''] = blocks(guide, 'json');
const folder = mkdtempSync(join(tmpdir(), 'lyftr-docs-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the whole file of sources.md has no faults', () => {
  const text = whole.replaceAll(/"file": "([^"]+)"/g, '"env": "ANY"');
  const file = join(folder, 'sources.json');
  writeFileSync(file, text);
  const { sources, retireAfterHours } = readSourcesFile(file, { ANY: 'a key', STRIPE_OLD: 'another' });
  assert.deepEqual([sources.length, retireAfterHours], [2, 72]);
});

test('the mapping of sources.md makes a message of each event of SendGrid', async () => {
  const { contentType, headers, body } = readExample('sendgrid', 'delivered');
  const expressions = new Expressions();
  const delivery = { source: 'mail', scheme: 'sendgrid', contentType, headers, body, id: 'd' } as const;
  const mapped = await mapDelivery({ ...delivery, verifiedAtMs: 1 }, JSON.parse(mapping), expressions);
  await expressions.close();
  assert.deepEqual(mapped.leftovers, []);
  assert.deepEqual(
    mapped.messages.map(({ from, to, ts, text }) => [from, to, ts, text]),
    [
      ['ada@example.com', 'delivered', 1_767_225_600, 'delivered ada@example.com'],
      ['ada@example.com', 'open', 1_767_225_660, 'open ada@example.com'],
    ],
  );
});

test('sources.md names every member, scheme, mapping, reason and near miss', () => {
  const cells = [...guide.matchAll(/^\| `([^`]+)`/gm)].map(([, cell]) => cell);
  const { properties } = sourceSchema as { properties: object };
  for (const name of [...Object.keys(properties), ...NEAR_MISSES]) assert.ok(cells.includes(name), name);
  for (const name of [...SCHEME_NAMES, ...PRESETS, ...REJECT_REASONS])
    assert.ok(guide.includes(`\`${name}\``), name);
});
