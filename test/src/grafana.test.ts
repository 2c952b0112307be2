/** The dashboard as a file; what its panels ask for is checked by prometheus.test.ts and prometheus-scrape.test.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { COUNTERS, HISTOGRAMS, PROCESS_GAUGES, SYSTEM_GAUGES } from '@lyftr/shared/metrics';
import { queriesOf, readDashboard } from './grafana.js';
import { ROOT } from './deploy.js';
import { PROMETHEUS_DIR } from './prometheus.js';
import { selectorsOf } from './promql.js';

const { panels } = readDashboard();
const shown = panels.filter(({ type }) => type !== 'row');
const provisioned = (path: string) =>
  parse(readFileSync(join(ROOT, 'deploy/grafana/provisioning', path), 'utf8')) as {
    datasources: { uid: string; url: string; jsonData: { timeInterval: string } }[];
    providers: { options: { path: string } }[];
  };

test('every panel says what it shows, in which unit, from the data source that is provisioned', () => {
  const [source] = provisioned('datasources/prometheus.yml').datasources;
  assert.ok(shown.length > 20);
  for (const { title, description, datasource, fieldConfig, targets } of shown) {
    assert.ok(description, title);
    assert.ok(fieldConfig?.defaults.unit, title);
    assert.equal(datasource?.uid, source?.uid, title);
    assert.ok(targets !== undefined && targets.length > 0, title);
    for (const target of targets) assert.equal(target.datasource.uid, source?.uid, title);
  }
  const { global } = parse(readFileSync(join(PROMETHEUS_DIR, 'prometheus.yml'), 'utf8')) as {
    global: { scrape_interval: string };
  };
  assert.equal(source?.jsonData.timeInterval, global.scrape_interval);
});

test('panels have numbers and places of their own', () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels) {
    const { x, y, w, h } = gridPos;
    assert.ok(x + w <= 24, title);
    for (let column = x; column < x + w; column += 1) {
      for (let row = y; row < y + h; row += 1) {
        const cell = `${column},${row}`;
        assert.equal(taken.get(cell), undefined, `${title} lies on ${taken.get(cell)}`);
        taken.set(cell, title);
      }
    }
  }
});

test('every metric of ours is on it', () => {
  const asked = queriesOf(panels, '1m').flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric));
  const names = new Set(asked.map((metric) => metric.replace(/_(bucket|sum|count)$/, '')));
  const missing = Object.keys({ ...COUNTERS, ...SYSTEM_GAUGES, ...PROCESS_GAUGES, ...HISTOGRAMS }).filter(
    (name) => !names.has(name),
  );
  assert.deepEqual(missing, []);
});
