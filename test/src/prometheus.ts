/** The Prometheus of this repository, running: its real configuration, on a port and in a folder of a test's own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { ROOT } from './deploy.js';
import { eventually, freePort, Process } from './system.js';

export const PROMETHEUS_DIR = join(ROOT, 'deploy/prometheus');

/** `skip` of a test that needs `program`: false when it is there, else the reason. */
export function skipWithout(program: 'promtool' | 'prometheus'): string | false {
  const { error } = spawnSync(program, ['--version']);
  return error === undefined ? false : `there is no ${program} on this machine (package: prometheus)`;
}

export interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export function readRules(): Rule[] {
  const { groups } = parse(readFileSync(join(PROMETHEUS_DIR, 'rules.yml'), 'utf8')) as {
    groups: { rules: Rule[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

interface Configuration {
  global: Record<string, string>;
  scrape_configs: {
    authorization: { credentials_file: string };
    static_configs: { targets: string[] }[];
  }[];
}

/** Writes the shipped configuration into `directory` with another target, token and pace. Returns its path. */
export function writeConfiguration(directory: string, target: string, token: string): string {
  mkdirSync(directory, { recursive: true });
  const config = parse(readFileSync(join(PROMETHEUS_DIR, 'prometheus.yml'), 'utf8')) as Configuration;
  config.global = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' };
  const [scrape] = config.scrape_configs;
  assert.ok(scrape);
  scrape.authorization.credentials_file = join(directory, 'api_token');
  scrape.static_configs = [{ targets: [target] }];
  writeFileSync(join(directory, 'api_token'), token);
  cpSync(join(PROMETHEUS_DIR, 'rules.yml'), join(directory, 'rules.yml'));
  const file = join(directory, 'prometheus.yml');
  writeFileSync(file, stringify(config));
  return file;
}

/** `value` of an instant, `values` of a range; `[epoch seconds, number as text]`. */
export interface Series {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
}

export class Prometheus {
  private readonly process: Process;
  private readonly origin: string;

  private constructor(process: Process, origin: string) {
    this.process = process;
    this.origin = origin;
  }

  static async start(directory: string, target: string, token: string): Promise<Prometheus> {
    const file = writeConfiguration(directory, target, token);
    const address = `127.0.0.1:${await freePort()}`;
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'tsdb')}`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ];
    const process = new Process('prometheus', 'prometheus', args, {});
    const prometheus = new Prometheus(process, `http://${address}`);
    await eventually('Prometheus is ready', async () => {
      assert.ok(process.running, JSON.stringify(process.lines));
      return (await fetch(`${prometheus.origin}/-/ready`)).ok;
    });
    return prometheus;
  }

  /** Throws with Prometheus's own words when it is refused. */
  async query(expression: string): Promise<Series[]> {
    const body = new URLSearchParams({ query: expression });
    const answer = await fetch(`${this.origin}/api/v1/query`, { method: 'POST', body });
    const { status, error, data } = (await answer.json()) as {
      status: string;
      error?: string;
      data: { result: Series[] };
    };
    if (status !== 'success') throw new Error(`${expression}: ${error}`);
    return data.result;
  }

  /** The one value of `expression`, or undefined when it has none. */
  async value(expression: string): Promise<number | undefined> {
    const result = await this.query(expression);
    assert.ok(result.length <= 1, `${expression} has ${result.length} series`);
    const [, value] = result[0]?.value ?? [];
    return value === undefined ? undefined : Number(value);
  }

  stop(): Promise<number | null> {
    return this.process.stop();
  }
}
