/** `lyftr status` against a running system. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CONFIRMED_KEY } from '@lyftr/shared/ledger';
import { lyftr, MAIN, type CliResult } from './cli.js';
import { eventually, Process, System, type Environment } from './system.js';

const TOKEN = 'token-for-tests';

let system: System;
let env: Environment;
before(async () => {
  system = await System.start({ API_TOKEN: TOKEN });
  env = { ...system.env, PORT: new URL(system.origin).port };
});
after(() => system.stop());

const run = (...args: string[]): Promise<CliResult> => lyftr(env, 'status', ...args);
const report = async (...args: string[]) => {
  const { code, stdout } = await run('--json', ...args);
  return { code, ...JSON.parse(stdout) };
};
const send = (id: string) =>
  system.post(JSON.stringify({ message_id: id, from: '100', to: '200', ts: 1_710_000_000 }));

/** Every process has to publish once. */
const allShown = () =>
  eventually('all are shown', async () => {
    const { text } = await system.get('/metrics', { headers: { authorization: `Bearer ${TOKEN}` } });
    return ['ingest', 'writer', 'query'].every((service) =>
      new RegExp(`^process_resident_memory_bytes\\{service="${service}"`, 'm').test(text),
    );
  });

test('a healthy system: exit code 0, every figure, on one screen or as one line', async () => {
  for (const id of ['a', 'b', 'a']) assert.equal((await send(id)).status, 200);
  await allShown();
  const found = await eventually('three are settled', async () => {
    const result = await report();
    return result.ledger?.accepted === 3 && result.ledger.waiting === 0 && result;
  });
  assert.deepEqual([found.code, found.healthy, found.faults], [0, true, []]);
  assert.deepEqual(
    found.processes.map((each: Record<string, unknown>) => [each['service'], each['state'], each['leads']]),
    [
      ['ingest', 'up', false],
      ['writer', 'up', true],
      ['query', 'up', false],
    ],
  );
  for (const { ageSeconds, memoryBytes } of found.processes) {
    assert.ok(ageSeconds >= 0 && ageSeconds < 600);
    assert.ok(memoryBytes > 2 ** 20);
  }
  assert.deepEqual(found.ready.ingest, { redis: 'ok', queue: 'ok' });
  assert.deepEqual([found.ready.writer.database, found.ready.writer.lease], ['ok', 'ok: this writer leads']);
  assert.deepEqual(found.ledger, {
    accepted: 3,
    unconfirmed: 0,
    accepted_by_source: {},
    fanout: 0,
    created: 2,
    duplicate: 1,
    dead_letter: 0,
    written_off: 0,
    waiting: 0,
    difference: 0,
    conflicting_duplicate: 0,
    missingMessages: 0,
  });
  assert.deepEqual(found.queue, { messages: 0, oldestSeconds: 0 });
  assert.equal(typeof found.textIndexLagMessages, 'number');
  assert.deepEqual(Object.keys(found.perSecond), [
    'accepted',
    'created',
    'duplicate',
    'deadLetter',
    'refused',
  ]);

  const { code, stdout, stderr } = await run();
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, new RegExp(`^healthy {6}${system.origin}$`, 'm'));
  assert.match(
    stdout,
    /^ledger {7}3 accepted \+ 0 unconfirmed = 2 created \+ 1 duplicate \+ 0 not stored \+ 0 written off \+ 0 waiting$/m,
  );
});

test('--watch looks again and again, shows rates, outlives the system, and ends clean on Ctrl-C', async () => {
  const watch = new Process('watch', process.execPath, [MAIN, 'status', '--watch', '--json'], env);
  try {
    await eventually('a first look', () => watch.lines.length > 0);
    for (let i = 0; i < 10; i++) await send(`watched-${i}`);
    await eventually('a rate', () =>
      watch.lines.some(({ perSecond }) => (perSecond as { created: number } | null)?.created),
    );
    await system.process('ingest').stop();
    await eventually('its silence is shown', () =>
      /no response from/.test(String(watch.lines.at(-1)?.['faults'])),
    );
    assert.equal(watch.running, true);
    assert.equal(await watch.stop('SIGINT'), 0);
  } finally {
    await watch.stop('SIGKILL');
    await system.startIngest({ PORT: env['PORT'] as string });
  }
});

test('acknowledged messages that are missing make it unhealthy', async () => {
  await system.redis.hset(CONFIRMED_KEY, 'a-producer', '{"messages":3,"ranges":[[1,3]]}');
  const found = await report();
  assert.deepEqual([found.code, found.healthy, found.ledger.missingMessages], [1, false, 3]);
  assert.match(found.faults.join(), /3 messages acknowledged and missing/);
  await system.redis.hdel(CONFIRMED_KEY, 'a-producer');
});

test('a dead letter has one meaning: in status, the ledger and the metrics', async () => {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const conflict = JSON.stringify({ message_id: 'a', from: '100', to: '200', ts: 1, text: 'another' });
  assert.equal((await system.post(conflict)).status, 200);
  const expected = {
    corrupt_envelope: 0,
    unstorable_message: 0,
    unmapped_delivery: 0,
    conflicting_duplicate: 1,
  };
  await eventually('it is put aside', () => system.rows('SELECT id FROM dead_letters').length === 1);
  assert.deepEqual((await report()).deadLetters, expected);
  assert.deepEqual((await system.get('/ledger', { headers })).json.dead_letters, expected);
  assert.deepEqual((await system.get('/system', { headers })).json.dead_letters, expected);
  const { text } = await system.get('/metrics', { headers });
  assert.match(text, /^dead_letters_waiting\{kind="conflicting_duplicate"\} 1$/m);
  assert.match(text, /^dead_letters_waiting\{kind="unstorable_message"\} 0$/m);
  const words = '1 in the dead-letter table: 0 could not be stored, 1 conflicting duplicates';
  assert.ok((await run()).stdout.includes(`dead letters ${words}\n`));
  assert.ok((await lyftr(env, 'ledger')).stdout.includes(`dead letters: ${words}\n`));
});

test('a writer that is not heard of makes it unhealthy, and is not called dead', async () => {
  const writer = system.process('writer');
  writer.child.kill('SIGSTOP');
  const stdout = await eventually(
    'it is missed',
    async () => {
      const result = await run();
      return result.code === 1 && /FAULT .*No writer/.test(result.stdout) && result.stdout;
    },
    30_000,
  );
  writer.child.kill('SIGCONT');
  assert.match(stdout, /^NOT HEALTHY /m);
  assert.match(stdout, / writer  silent for \d+s /);
  assert.match(
    stdout,
    /^FAULT {8}No writer has published its figures for \d+ s\. It is dead, frozen or cut off from Redis\.$/m,
  );
});

test('a writer that ended in order is stopped, which is a fault only while no other is at work', async () => {
  await system.process('writer').stop();
  const stopped = await run();
  assert.equal(stopped.code, 1);
  assert.match(stopped.stdout, / writer  stopped /);
  assert.match(stopped.stdout, /^FAULT {8}Every writer is stopped\.$/m);
  await system.startService('writer');
  await eventually('it is healthy', async () => (await run()).code === 0);
  assert.match((await run()).stdout, / writer  stopped /);
});

test('while Redis is away, what it knows is not known, and nobody is called absent', async () => {
  system.process('redis').child.kill('SIGSTOP');
  const { stdout } = await run();
  system.process('redis').child.kill('SIGCONT');
  assert.match(stdout, /^processes {4}not known$/m);
  assert.match(stdout, /^queue {8}not known$/m);
  assert.match(stdout, /^FAULT {8}Redis is not responding to the query service\. Intake refuses/m);
  assert.doesNotMatch(stdout, /no (writer|ingest)|stopped/);
});

test('a frozen query service is named, and what it would say is not known', async () => {
  system.process('query').child.kill('SIGSTOP');
  const { code, stdout } = await run();
  system.process('query').child.kill('SIGCONT');
  assert.equal(code, 1);
  assert.match(stdout, /^processes {4}not known$/m);
  assert.match(stdout, /^FAULT {8}no response to GET \/system: query is frozen or busy$/m);
  assert.doesNotMatch(stdout, /no writer|no ingest/);
});

test('reads that need a token, and a query service that is away, are faults in one line each', async () => {
  const { API_TOKEN: _, ...anonymous } = env;
  const refused = await lyftr(anonymous, 'status');
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /^FAULT {8}GET \/ledger returned 401: API_TOKEN is missing/m);
  await system.process('query').stop();
  const away = await report();
  assert.deepEqual([away.code, away.ledger, away.queue], [1, null, null]);
  assert.match(away.faults.join(), /GET \/system returned 503/);
});

test('nothing answers: exit code 69 and one line', async () => {
  const { code, stdout, stderr } = await run('--url', 'http://127.0.0.1:1');
  assert.deepEqual([code, stdout], [69, '']);
  assert.match(stderr, /^lyftr: no response from http:\/\/127.0.0.1:1: [^\n]+\n$/);
});
