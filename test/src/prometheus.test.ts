/** The alerts: Prometheus accepts them, each fires when it should, and each asks for what the metrics page has. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { queriesOf, readDashboard } from './grafana.js';
import { PROMETHEUS_DIR, readRules, skipWithout, writeConfiguration } from './prometheus.js';
import { lacking, samplesOf, selectorsOf, type PageSample } from './promql.js';
import { deliver, writeOneSource } from './one-source.js';
import { eventually, System } from './system.js';

const rules = readRules();
const alerts = rules.filter(({ alert }) => alert !== undefined);

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: PROMETHEUS_DIR, encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
}

describe('promtool', { skip: skipWithout('promtool') }, () => {
  test('accepts the rules', () => promtool('check', 'rules', '--lint=all', '--lint-fatal', 'rules.yml'));

  test('accepts the configuration', () => {
    const directory = mkdtempSync(join(tmpdir(), 'lyftr-promtool-'));
    try {
      promtool('check', 'config', writeConfiguration(directory, '127.0.0.1:1', 'token'));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('sees each alert fire, and stay silent, when it should', () =>
    promtool('test', 'rules', 'rules.test.yml'));
});

test('every alert has a case in which it fires, and one in which it does not', () => {
  const { tests } = parse(readFileSync(join(PROMETHEUS_DIR, 'rules.test.yml'), 'utf8')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
  };
  const cases = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  const names = (fires: boolean) =>
    new Set(
      cases.filter(({ exp_alerts }) => exp_alerts.length > 0 === fires).map(({ alertname }) => alertname),
    );
  const all = alerts.map(({ alert }) => String(alert)).toSorted();
  assert.deepEqual([...names(true)].toSorted(), all);
  assert.deepEqual([...names(false)].toSorted(), all);
});

test('every alert says how urgent it is, what it means, and where to read on', () => {
  assert.ok(alerts.length > 15);
  for (const { alert, labels, annotations } of alerts) {
    assert.match(labels?.['severity'] ?? '', /^(critical|warning)$/, alert);
    assert.ok(annotations?.['summary'] && annotations['description'], alert);
    assert.equal(annotations['runbook_url'], `http://localhost:8000/docs/runbook#${alert?.toLowerCase()}`);
  }
});

describe('on the metrics page of a running system there is', () => {
  let system: System;
  let samples: PageSample[];
  const directory = mkdtempSync(join(tmpdir(), 'lyftr-prometheus-'));

  before(async () => {
    system = await System.start(writeOneSource(directory));
    assert.equal(await deliver(system.origin, 'hello'), 200);
    assert.equal(await deliver(system.origin, 'hello', 'wrong'), 401);
    await system.post(JSON.stringify({ message_id: 'a', from: '1', to: '2', ts: 1, text: 'x' }));
    samples = await eventually('every process has published', async () => {
      const found = samplesOf((await system.get('/metrics')).text);
      const has = (metric: string, service?: string) =>
        found.some(
          (sample) =>
            sample.metric === metric && (service === undefined || sample.labels['service'] === service),
        );
      return has('ingest_ack_seconds_count') &&
        has('store_lag_seconds_count') &&
        has('http_request_duration_seconds_count', 'query') &&
        has('webhook_rejected_total') &&
        has('webhook_key_last_used_timestamp_seconds') &&
        has('webhook_key_used_total')
        ? found
        : undefined;
    });
  });

  after(async () => {
    await system.stop();
    rmSync(directory, { recursive: true });
  });

  const recorded = rules.flatMap(({ record }) =>
    record === undefined ? [] : { metric: record, labels: {} },
  );

  test('everything that a rule asks for', () => {
    const known = [...samples, ...recorded, { metric: 'up', labels: {} }];
    for (const { alert, record, expr } of rules) {
      const selectors = selectorsOf(expr);
      assert.ok(selectors.length > 0, expr);
      for (const selector of selectors) assert.equal(lacking(known, selector), undefined, alert ?? record);
    }
  });

  test('everything that a panel of the dashboard asks for', () => {
    for (const { title, expr } of queriesOf(readDashboard().panels, '1m')) {
      const selectors = selectorsOf(expr);
      assert.ok(selectors.length > 0, title);
      for (const selector of selectors)
        assert.equal(lacking([...samples, ...recorded], selector), undefined, title);
    }
  });
});

test('a name, a label or a value that the page does not have is found out', () => {
  const page = samplesOf('# TYPE a gauge\na{b="c",d="e f"} 1\nplain 2\n');
  const lack = (expression: string) => selectorsOf(expression).map((selector) => lacking(page, selector));
  assert.deepEqual(lack('rate(a{b="c",d=~"x",job="j"}[5m]) > plain'), [undefined, undefined]);
  assert.deepEqual(lack('sum by (b) (other)'), ['there is no other']);
  assert.deepEqual(lack('a{x="c"} or a{b="d"}'), ['a has no label x', 'a has no b="d"']);
  assert.throws(() => selectorsOf('sum((a'), /no PromQL at character/);
});
