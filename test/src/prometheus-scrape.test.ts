/** A real Prometheus watches while processes are killed, started and stopped: do the metrics tell the truth? */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { requestText, send } from '@lyftr/cli/sender';
import { queriesOf, readDashboard } from './grafana.js';
import { deliver, writeOneSource } from './one-source.js';
import { Prometheus, skipWithout } from './prometheus.js';
import { eventually, freePort, signed, System } from './system.js';

const TOKEN = 'a-token-for-tests';
const PER_PHASE = 400;

/** What the sender saw. */
interface Sent {
  acknowledged: number;
  /** Lost with their connection: Redis may have taken them. */
  unknown: number;
}

const bodyOf = (id: string) =>
  JSON.stringify({ message_id: id, from: '1', to: '2', ts: 1_710_000_000, text: `text of ${id}` });

test(
  'counts survive kills, restarts and scaling, and agree with the sender',
  { skip: skipWithout('prometheus'), timeout: 300_000 },
  async (t) => {
    const queryPort = String(await freePort());
    const directory = mkdtempSync(join(tmpdir(), 'lyftr-scrape-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const system = await System.start({
      API_TOKEN: TOKEN,
      QUERY_PORT: queryPort,
      ...writeOneSource(directory),
    });
    t.after(() => system.stop());
    const target = `127.0.0.1:${queryPort}`;
    const prometheus = await Prometheus.start(join(system.dir, 'prometheus'), target, TOKEN);
    t.after(() => prometheus.stop());
    const is = (expression: string, wanted: number) =>
      eventually(
        `${expression} is ${wanted}`,
        async () => (await prometheus.value(expression)) === wanted,
        20_000,
      );

    const origins = new Map<string, string>();
    const startIngest = async (name: string) => {
      const started = await system.startService('ingest', {}, name);
      origins.set(name, `http://127.0.0.1:${await started.port()}`);
    };
    origins.set('ingest', system.origin);
    await startIngest('ingest-2');
    await startIngest('ingest-3');
    // from here on Prometheus has seen every counter at zero
    await is('sum(lyftr_process_up{service="ingest"})', 3);
    await is('webhook_accepted_total', 0);

    const sent: Sent = { acknowledged: 0, unknown: 0 };
    const ids = new Set<string>();
    /** Sends PER_PHASE messages, a hundred a second, to every ingest process in turn; again when a connection is lost. */
    async function phase(name: string): Promise<void> {
      const again: string[] = [];
      const shares = [...origins.values()].map((origin, share) => ({ origin, share }));
      await Promise.all(
        shares.map(({ origin, share }) => {
          const own = Array.from({ length: PER_PHASE / shares.length }, (_, n) => `${name}-${share}-${n}`);
          return send({
            origin,
            connections: 4,
            perSecond: 100 / shares.length,
            request: (index) => {
              const id = own[index];
              if (id === undefined) return undefined;
              ids.add(id);
              return requestText(origin, '/webhook', bodyOf(id), signed(bodyOf(id)));
            },
            answered: (index, status) => {
              if (status === 200) sent.acknowledged += 1;
              else {
                sent.unknown += 1;
                again.push(own[index] as string);
              }
            },
          });
        }),
      );
      // what a gateway does; the living take it
      for (const id of again) {
        const { status } = await system.post(bodyOf(id));
        assert.equal(status, 200);
        sent.acknowledged += 1;
      }
    }

    await phase('calm');
    // counted by a process that is killed below, and kept by nobody else
    for (let n = 0; n < 7; n += 1) {
      const answer = await fetch(`${origins.get('ingest-2')}/webhook`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-signature': '0'.repeat(64) },
        body: bodyOf('forged'),
      });
      assert.equal(answer.status, 401);
    }
    await is('webhook_total{status="invalid_signature",source=""}', 7);

    const killing = phase('killing');
    await eventually('half of it is sent', () => ids.size > PER_PHASE * 1.5);
    await system.process('ingest-2').stop('SIGKILL');
    await system.process('writer').stop('SIGKILL');
    await system.process('query').stop('SIGKILL');
    await Promise.all([system.startService('writer'), system.startService('query')]);
    await killing;

    // up: the killed one comes back, and a fourth; down: the third drains
    await startIngest('ingest-2');
    await startIngest('ingest-4');
    assert.equal(await system.process('ingest-3').stop(), 0);
    origins.delete('ingest-3');
    await phase('scaled');

    await is('webhook_total{status="created"}', ids.size);
    await is('queue_depth_messages', 0);
    await is('sum(lyftr_process_up{service="ingest"})', 3);
    await is('sum(lyftr_process_up{service="writer"})', 1);

    // the process that was killed may have acknowledged some that it had not published yet
    const accepted = (await prometheus.value('webhook_accepted_total')) as number;
    const unconfirmed = (await prometheus.value('ledger_unconfirmed_messages')) as number;
    const settled = accepted + unconfirmed;
    assert.ok(sent.acknowledged >= ids.size);
    assert.ok(
      settled >= sent.acknowledged && settled <= sent.acknowledged + sent.unknown,
      `${settled} accepted or unconfirmed, ${sent.acknowledged} acknowledged, ${sent.unknown} unknown`,
    );
    assert.equal(
      await prometheus.value('sum(webhook_total{status=~"created|duplicate|dead_letter"})'),
      settled,
    );
    // neither taken away by the kill nor counted again
    assert.equal(await prometheus.value('webhook_total{status="invalid_signature",source=""}'), 7);
    assert.equal(
      await prometheus.value('http_request_duration_seconds_count{service="ingest",code="401"}'),
      7,
    );

    // no counter of any name ever fell
    assert.equal(await prometheus.value('resets(webhook_accepted_total[5m])'), 0);
    const counters = await prometheus.query('{__name__=~".+_(total|count|sum|bucket)"}[5m]');
    assert.ok(counters.length > 50);
    for (const { metric, values = [] } of counters) {
      const figures = values.map(([, value]) => Number(value));
      const fell = figures.findIndex((figure, at) => figure < (figures[at - 1] ?? 0));
      assert.equal(fell, -1, `${JSON.stringify(metric)}: ${figures.slice(fell - 1, fell + 1).join(' → ')}`);
    }
    // `increase` guesses at both ends of its window, up to a scrape's length each; a reset would add hundreds
    const increase = (await prometheus.value('increase(webhook_accepted_total[5m])')) as number;
    assert.ok(increase >= accepted && increase < accepted * 1.25, `${increase} of ${accepted}`);

    // at each second: the ledger balanced, and nothing was missing
    const identity =
      'webhook_accepted_total + on () ledger_unconfirmed_messages - on () (sum(webhook_total{status=~"created|duplicate|dead_letter"}) + on () ledger_written_off_messages + on () queue_depth_messages)';
    assert.equal(await prometheus.value(`max_over_time((abs(${identity}))[5m:1s])`), 0);
    assert.ok(((await prometheus.value(`count_over_time((${identity})[5m:1s])`)) ?? 0) >= 10);
    assert.deepEqual(await prometheus.query('ALERTS{alertname=~"LedgerOutOfBalance|MessagesMissing"}'), []);
    assert.equal(await prometheus.value('max_over_time(ledger_missing_messages[5m])'), 0);

    assert.equal(await deliver(system.origin, 'hello'), 200);
    assert.equal(await deliver(system.origin, 'hello', 'wrong'), 401);
    for (const { title, expr } of queriesOf(readDashboard().panels, '30s'))
      await eventually(
        `the panel "${title}" shows something: ${expr}`,
        async () => (await prometheus.query(expr)).length > 0,
      );

    const page = await (
      await fetch(`http://${target}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })
    ).text();
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: page,
      encoding: 'utf8',
    });
    assert.equal(`${stdout}${stderr}`, '');
    assert.equal(status, 0);

    // a job that Redis loses: no figure makes up for it
    await system.process('writer').stop();
    assert.equal((await system.post(bodyOf('lost'))).status, 200);
    const id = await system.redis.rpop('lyftr:deliveries:wait');
    await system.redis.del(`lyftr:deliveries:${id}`);
    await is('ALERTS{alertname="LedgerOutOfBalance",alertstate="firing"}', 1);
    await is('ledger_missing_messages', 1);
  },
);
