/** The runbook: every alert leads to a section of its own, and its commands do what it says. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { databaseFile } from '@lyftr/store/sqlite/format';
import { compose, read, ROOT } from './deploy.js';
import { lyftr } from './cli.js';
import { sendAll } from './load.js';
import { readRules } from './prometheus.js';
import { eventually, System } from './system.js';

const runbook = read('docs/runbook.md');
const headings = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading as string);
/** As GitHub makes an anchor of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
const anchors = new Set(headings.map(anchorOf));

test('every alert leads to its section, and every section is of an alert', () => {
  const alerts = readRules().flatMap(({ alert, annotations }) =>
    alert === undefined ? [] : [{ alert, url: annotations?.['runbook_url'] ?? '' }],
  );
  for (const { alert, url } of alerts) {
    const { pathname, hash } = new URL(url);
    const anchor = hash.slice(1);
    assert.equal(pathname, '/docs/runbook');
    assert.ok(anchors.has(anchor), `${alert}: there is no #${anchor}`);
  }
  const sections = headings.slice(headings.indexOf('Alerts') + 1);
  assert.deepEqual(sections.toSorted(), alerts.map(({ alert }) => alert).toSorted());
});

test('every section says what the alert means, where to look and what to do', () => {
  const sections = (runbook.split(/^# Alerts$/m)[1] ?? '').split(/^## /m).slice(1);
  for (const section of sections) {
    const steps = [...section.matchAll(/^\*\*(\w[\w ]*)\*\* \S/gm)].map(([, step]) => step);
    assert.deepEqual(steps, ['Means', 'Look at', 'Do'], section.split('\n')[0]);
  }
});

test('every link inside leads somewhere', () => {
  const links = [...runbook.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor as string);
  assert.ok(links.length > 10);
  for (const anchor of links) assert.ok(anchors.has(anchor), anchor);
});

test('it asks nobody to write a program', () => {
  assert.doesNotMatch(runbook, /node -e/);
});

test('every command of lyftr is one that there is', async () => {
  const { stdout } = await lyftr({}, '--help');
  const verbs = [...stdout.matchAll(/^ {2}([a-z-]+)/gm)].map(([, verb]) => verb);
  const named = [...runbook.matchAll(/\blyftr ([a-z-]+)/g)].map(([, verb]) => verb as string);
  assert.ok(named.length > 10);
  for (const verb of named) assert.ok(verbs.includes(verb), verb);
});

test('a restore does the same in Kubernetes', () => {
  const scripts = [...runbook.matchAll(/sh (?:query )?-c '([^']+)'/g)].map(([, script]) => script as string);
  // two steps, each in both
  assert.equal(scripts.length, 4);
  assert.equal(new Set(scripts).size, 2);
  for (const [, path = ''] of runbook.matchAll(/kubectl apply -[fk] (deploy\/\S+)/g))
    assert.ok(existsSync(join(ROOT, path.replace(/`.*/, ''))), path);
});

test('it stops, starts and enters services that there are', () => {
  const known = new Set(Object.keys(compose.services));
  const commands = [
    ...runbook.matchAll(/docker compose (up|stop|start|restart|ps|logs|exec|run|cp) ([^`&|#\n]+)/g),
  ];
  assert.ok(commands.length > 20);
  for (const [command, verb, rest = ''] of commands) {
    const words = rest
      .replace(/--(since|entrypoint) \S+/g, '')
      .split(/\s+/)
      .filter((word) => /^[\w.]/.test(word) && !word.startsWith('./'))
      .map((word) => word.replace(/:.*/, ''));
    // what follows the service is a command inside of it, or a file
    const named = ['exec', 'run', 'cp'].includes(verb as string) ? words.slice(0, 1) : words;
    for (const name of named) assert.ok(known.has(name), command);
  }
});

test('a backup that is restored: what it lacks is named as missing, and a resend brings it back', async (t) => {
  const system = await System.start();
  t.after(() => system.stop());
  const dataDir = system.env['DATA_DIR'] as string;
  const file = databaseFile(dataDir);
  const bodies = (name: string) =>
    Array.from({ length: 50 }, (_, n) =>
      JSON.stringify({ message_id: `${name}-${n}`, from: '1', to: '2', ts: 1_710_000_000 + n, text: name }),
    );
  await sendAll(system.origin, 4, bodies('before'));
  await system.stored(50);

  const [, target = ''] = /^docker compose exec query lyftr backup (\/data\S+)$/m.exec(runbook) ?? [];
  const backup = await lyftr({ DATA_DIR: dataDir }, 'backup', target.replace('/data', dataDir));
  assert.equal(backup.code, 0, backup.stderr);

  await sendAll(system.origin, 4, bodies('after'));
  await system.stored(100);
  await eventually('nothing waits', async () => (await system.metric('queue_depth_messages')) === 0);
  for (const name of ['query', 'writer']) assert.equal(await system.process(name).stop(), 0);
  const old = join(dataDir, 'old');
  mkdirSync(old);
  for (const suffix of ['', '-wal', '-shm']) {
    try {
      renameSync(`${file}${suffix}`, join(old, `lyftr.db${suffix}`));
    } catch (error) {
      // a writer that ends in order takes its log with it
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
    }
  }
  renameSync(join(dataDir, 'backup.db'), file);
  const query = await system.startService('query');
  await system.startService('writer');

  const ledger = async () => {
    const answer = await fetch(`http://127.0.0.1:${await query.port()}/ledger`);
    return (await answer.json()) as {
      created: number;
      difference: number;
      missing: { messages: number; producers: { producer: string }[] };
    };
  };
  const { created, missing } = await eventually('the ledger is told', async () => {
    const answer = await ledger();
    return answer.created === undefined ? undefined : answer;
  });
  assert.equal(created, 50);
  assert.ok(missing.messages > 0);

  await sendAll(system.origin, 4, [...bodies('before'), ...bodies('after')]);
  await system.stored(100);
  await eventually('every message is there', async () => (await ledger()).created === 100);

  // the last step, as in the container of query: its settings name the system
  assert.match(runbook, /`lyftr ledger write-off`/);
  const { difference } = await ledger();
  const settings = {
    INGEST_URL: `http://127.0.0.1:${await query.port()}`,
  };
  const { code, stdout, stderr } = await lyftr(settings, 'ledger', 'write-off', '--yes', '--json');
  assert.equal(code, 0, stderr);
  assert.equal((JSON.parse(stdout) as { messages: number }).messages, difference);
  const settled = await ledger();
  assert.deepEqual([settled.missing.messages, settled.difference], [0, 0]);

  const audit = await lyftr({ DATA_DIR: dataDir }, 'audit', '--full');
  assert.equal(audit.code, 0, audit.stdout);
  rmSync(old, { recursive: true });
});
