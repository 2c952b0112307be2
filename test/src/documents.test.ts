/** Commands that the documents give are tried, as a reader would paste them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sign } from './system.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const blocks = (name: string): string[] =>
  [...readFileSync(join(ROOT, name), 'utf8').matchAll(/```sh\n(.*?)```/gs)].map(
    ([, block]) => block as string,
  );

/** Runs `script` where `programs`, each a shell script, stand in front of the real ones. */
function paste(script: string, programs: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'lyftr-paste-'));
  try {
    for (const [name, source] of Object.entries(programs)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${source}\n`);
      chmodSync(join(folder, name), 0o755);
    }
    const env = { PATH: `${folder}:${process.env['PATH']}` };
    const { status, stdout, stderr } = spawnSync('sh', ['-c', script], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the request of README.md is signed as it is sent, whatever its text', () => {
  const block = blocks('README.md').find((each) => each.includes('\nBODY=')) as string;
  const body = '{"text":"two  spaces, *, a\\nline"}';
  const script = block
    .replace(/^WEBHOOK_SECRET=.*$/m, "WEBHOOK_SECRET='secret'")
    .replace(/^BODY=.*$/m, () => `BODY='${body}'`);
  const sent = paste(script, { curl: `for each; do printf '%s\\n' "$each"; done` }).split('\n');
  assert.ok(sent.includes(`x-signature: ${sign(body, 'secret')}`));
  assert.equal(sent[sent.indexOf('--data-binary') + 1], body);
});

test('the ten minutes freeze the writer that this system leads with, and no other', () => {
  const commands = blocks('docs/first-ten-minutes.md').join('');
  assert.doesNotMatch(commands, /pgrep|pkill|killall/);
  const take = /^WRITER=.*$/m.exec(commands)?.[0] as string;
  const writer = (instance: string, state: string): string =>
    `writer  ${state.padEnd(17)}      12 s   80 MiB  ${instance}`;
  const screen = [
    'processes    ingest  up                     12 s   80 MiB  my-host-41-00000000000a',
    `             ${writer('my-host-42-00000000000b', 'up, leads')}`,
    `             ${writer('my-host-43-00000000000c', 'stopped')}`,
  ];
  const npx = `cat <<'END'\n${screen.join('\n')}\nEND`;
  assert.equal(paste(`${take}\necho $WRITER`, { npx }), '42\n');
});
