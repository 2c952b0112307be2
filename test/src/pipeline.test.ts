/** From a signed request to a row, and nothing lost on the way. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { sendAll } from './load.js';
import { eventually, System } from './system.js';

const body = (id: string, text = `text of ${id}`) =>
  JSON.stringify({
    message_id: id,
    from: String(id.length % 7),
    to: '200',
    ts: 1_710_000_000 + id.length,
    text,
  });

async function ledgerOf(system: System) {
  // of one page: ingest may publish between two of them
  const { text } = await system.get('/metrics');
  const metric = (sample: string): number => {
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${sample} `));
    return line === undefined ? 0 : Number(line.slice(sample.length + 1));
  };
  return {
    accepted: metric('webhook_accepted_total'),
    unconfirmed: metric('ledger_unconfirmed_messages'),
    created: metric('webhook_total{status="created"}'),
    duplicate: metric('webhook_total{status="duplicate"}'),
    deadLetter: metric('webhook_total{status="dead_letter"}'),
    waiting: metric('queue_depth_messages'),
  };
}

/** Every id that was acknowledged is a row, once; every row was sent. */
function compare(system: System, ids: readonly string[], acknowledged: readonly boolean[]): void {
  const rows = new Map<string, number>();
  for (const [id, count] of system.rows('SELECT message_id, count(*) FROM messages GROUP BY 1') as [
    string,
    number,
  ][]) {
    rows.set(id, count);
  }
  const sent = new Set(ids);
  assert.deepEqual(
    ids.filter((id, index) => acknowledged[index] === true && !rows.has(id)),
    [],
    'acknowledged and lost',
  );
  assert.deepEqual(
    [...rows].filter(([, count]) => count !== 1),
    [],
    'stored twice',
  );
  assert.deepEqual(
    [...rows.keys()].filter((id) => !sent.has(id)),
    [],
    'never sent',
  );
}

for (const processes of [1, 2]) {
  const title = `100,000 messages and 10,000 redeliveries from 64 connections, ${processes} ingest process(es)`;
  test(title, { timeout: 300_000 }, async () => {
    const system = await System.start({ INGEST_PROCESSES: String(processes) });
    try {
      const ids: string[] = [];
      for (let i = 0; i < 100_000; i++) {
        ids.push(`m-${i}`);
        if (i % 10 === 9) ids.push(`m-${(i * 7_919) % i}`);
      }
      const bodies = ids.map((id) => body(id));
      const { statuses } = await sendAll(system.origin, 64, bodies);
      assert.deepEqual([...statuses], [[200, 110_000]]);
      await system.stored(100_000, 30_000);
      const expected = {
        accepted: 110_000,
        unconfirmed: 0,
        created: 100_000,
        duplicate: 10_000,
        deadLetter: 0,
        waiting: 0,
      };
      await eventually('the ledger is balanced', async () => {
        assert.deepEqual(await ledgerOf(system), expected);
        return true;
      });
      compare(
        system,
        ids,
        ids.map(() => true),
      );
      assert.equal((await system.get('/stats')).json.total_messages, 100_000);
      assert.deepEqual(system.rows('PRAGMA integrity_check'), [['ok']]);
    } finally {
      await system.stop();
    }
  });
}

test(
  'texts of every kind come back exactly, and are found by what they contain',
  { timeout: 300_000 },
  async () => {
    const system = await System.start();
    try {
      const texts = [
        'emoji 😀👩‍👩‍👧 end',
        'right to left שלום مرحبا',
        'combining e\u0301 and \u0928\u093f',
        '100% of_it "quoted" \'single\' *star* back\\slash',
        'tab\tnewline\nNUL\0end',
        'AND OR NOT NEAR(a b) col:x ^y -z',
        `${'x'.repeat(65_530)}needle`,
      ];
      for (const [i, text] of texts.entries()) {
        assert.equal((await system.post(body(`t-${i}`, text))).status, 200);
      }
      await system.stored(texts.length);
      const search = async (q: string) => (await system.get(`/messages?q=${encodeURIComponent(q)}`)).json;
      const needles = [
        '😀👩‍👩‍👧',
        '👩‍👧 e',
        'שלום',
        'رحبا',
        'e\u0301',
        '\u0928\u093f',
        '100%',
        'of_it',
        '"quoted"',
        "'single'",
      ];
      needles.push(
        '*star*',
        '%',
        '_',
        '"',
        "'",
        '*',
        'back\\slash',
        'NUL\0end',
        'NEAR(a b)',
        'col:x ^y',
        'NEEDLE',
        'l\0e',
      );
      const fold = (text: string) => text.toLowerCase();
      for (const q of needles) {
        const found = await search(q);
        const expected = texts.filter((text) => fold(text).includes(fold(q)));
        assert.deepEqual(
          found.data.map(({ text }: { text: string }) => text).toSorted(),
          expected.toSorted(),
          q,
        );
        assert.equal(found.total, expected.length, q);
      }
      assert.equal((await search('100_')).total, 0);
    } finally {
      await system.stop();
    }
  },
);

test('members beyond the five come back as they were sent', { timeout: 300_000 }, async () => {
  const system = await System.start();
  try {
    const sent = {
      message_id: 'e/1 😀',
      from: 'a',
      to: 'b',
      ts: 5,
      media: [{ url: 'x', n: 1.5 }],
      nothing: null,
    };
    assert.equal((await system.post(JSON.stringify(sent))).status, 200);
    await system.stored(1);
    const { json } = await system.get(`/messages/${encodeURIComponent('e/1 😀')}`);
    const { media, nothing, ...known } = sent;
    assert.deepEqual(json, { ...known, text: '', extra: { media, nothing } });

    const exact = (others: string) => `{"message_id":"exact","from":"a","to":"b","ts":5,${others}}`;
    const extra = '{"n":9007199254740993,"m":[1e400,1.50],"n":1}';
    const deliveries = [
      extra.slice(1, -1),
      '\r\n"n" : 9007199254740993,\t"m":[ 1e400,1.50 ], "n":1 ',
      extra.slice(1, -1).replace('993', '992'),
    ];
    for (const others of deliveries) assert.equal((await system.post(exact(others))).status, 200);
    const letters = await eventually('the last is put aside', () => {
      const rows = system.rows('SELECT raw FROM dead_letters');
      return rows.length > 0 && rows;
    });
    assert.deepEqual(
      letters.map(([raw]) => (JSON.parse(raw as string) as string[])[5]),
      [extra.replace('993', '992')],
    );
    for (const path of ['/messages/exact', '/messages?limit=1&order=desc'])
      assert.ok((await system.get(path)).text.includes(`"text":"","extra":${extra}}`), path);
    assert.match(
      (await system.get('/export?format=ndjson')).text,
      /,"text":"","n":9007199254740993,"m":\[1e400,1\.50\],"n":1\}\n/,
    );
  } finally {
    await system.stop();
  }
});

test(
  'ingest, writer and Redis are killed under load, and nothing acknowledged is lost',
  { timeout: 300_000 },
  async () => {
    const system = await System.start();
    try {
      const ids = Array.from({ length: 30_000 }, (_, i) => `k-${i}`);
      const { port } = new URL(system.origin);
      let sending = true;
      const bodies = ids.map((id) => body(id));
      const load = sendAll(system.origin, 32, bodies).finally(() => (sending = false));
      for (const victim of ['writer', 'ingest', 'redis', 'writer', 'writer', 'ingest']) {
        await delay(200);
        assert.ok(sending, 'the load ended before every fault was injected');
        await system.process(victim).stop('SIGKILL');
        if (victim === 'redis') await system.startRedis();
        else if (victim === 'ingest') await system.startIngest({ PORT: port });
        else await system.startService('writer');
      }
      const { acknowledged, statuses } = await load;
      assert.ok((statuses.get(0) ?? 0) > 0, 'no request was cut off: the kills proved nothing');
      await eventually(
        'the queue is drained',
        async () => (await system.redis.llen('lyftr:deliveries:wait')) === 0,
      );
      await eventually(
        'nothing is active',
        async () => (await system.redis.llen('lyftr:deliveries:active')) === 0,
      );
      compare(system, ids, acknowledged);
      assert.equal(await system.redis.zcard('lyftr:deliveries:failed'), 0);
      const { accepted, unconfirmed, created, duplicate, deadLetter, waiting } = await ledgerOf(system);
      assert.equal(accepted + unconfirmed, created + duplicate + deadLetter + waiting);
      assert.equal((await system.get('/ledger')).json.missing.messages, 0);
      assert.equal(created, system.rows('SELECT count(*) FROM messages')[0]?.[0]);
      // ingest was killed: what it acknowledged in its last second may not have been published
      assert.ok(accepted + unconfirmed >= acknowledged.filter(Boolean).length);
    } finally {
      await system.stop();
    }
  },
);

test(
  'SIGTERM under load: everybody who was accepted is answered and stored',
  { timeout: 300_000 },
  async () => {
    const system = await System.start();
    try {
      const ids = Array.from({ length: 20_000 }, (_, i) => `s-${i}`);
      const { port } = new URL(system.origin);
      const bodies = ids.map((id) => body(id));
      const load = sendAll(system.origin, 32, bodies);
      await delay(300);
      assert.equal(await system.process('writer').stop(), 0);
      assert.equal(await system.process('ingest').stop(), 0);
      await system.startIngest({ PORT: port });
      await system.startService('writer');
      const { acknowledged } = await load;
      await system.stored(acknowledged.filter(Boolean).length);
      compare(system, ids, acknowledged);
    } finally {
      await system.stop();
    }
  },
);

test(
  'a shutdown that cannot finish ends at its deadline, says what it left, and the next writer stores it',
  { timeout: 300_000 },
  async () => {
    const system = await System.start();
    const locker = new Database(join(system.env['DATA_DIR'] as string, 'lyftr.db'));
    try {
      locker.exec('BEGIN IMMEDIATE');
      assert.equal((await system.post(body('held'))).status, 200);
      const writer = system.process('writer');
      await eventually('the writer holds it', () => writer.logged('could not store the messages'));
      assert.equal(await writer.stop(), 1);
      assert.match(String(writer.logged('grace period')?.['unfinished']), /1 jobs in hand/);
      locker.exec('ROLLBACK');
      await system.startService('writer');
      await system.stored(1);
    } finally {
      locker.close();
      await system.stop();
    }
  },
);

test(
  'of two ingest processes one is killed: it is replaced, and the drain ends clean',
  { timeout: 300_000 },
  async () => {
    const system = await System.start({ INGEST_PROCESSES: '2' });
    try {
      const ingest = system.process('ingest');
      const listening = () => ingest.lines.filter(({ msg }) => msg === 'listening');
      await eventually('both listen', () => listening().length === 2);
      const [first] = listening();
      process.kill(first?.['pid'] as number, 'SIGKILL');
      await eventually('another listens', () => listening().length === 3);
      for (let i = 0; i < 10; i++) assert.equal((await system.post(body(`c-${i}`))).status, 200);
      assert.equal(await ingest.stop(), 0);
      await system.stored(10);
    } finally {
      await system.stop();
    }
  },
);
