/** What was measured, and the two files that it is written to. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../', import.meta.url));
const JSON_FILE = `${FOLDER}results.json`;

export type Target =
  /** A bound on the ratio, or on our figure where there is no peer. */
  | { atLeast: number }
  | { atMost: number }
  /** A bound on our figure whether there is a peer or not, and perhaps one on how many times faster it is. */
  | { oursAtMost: number; fasterAtLeast?: number };

export interface Row {
  /** What was measured, with its unit. */
  figure: string;
  /** Median of the rounds, or the quantile that the figure names. */
  ours: number;
  /** The named peer of the same run, and its median. */
  peer?: { name: string; value: number };
  /** Median of the rounds' ratios: ours to the peer's, or how many times faster ours is where the target says so. */
  ratio?: number;
  /** Lowest and highest of the rounds, of the ratio where there is one. */
  spread: [number, number];
  /** Or requests, of a quantile. */
  rounds: number;
  target: Target | undefined;
  /** CPU microseconds per message, by process. */
  cpu?: Record<string, number>;
}

export interface Result {
  name: string;
  title: string;
  at: string;
  rows: Row[];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/** Pairs of one round each: the ratio is taken inside the round, where the machine was the same. */
export function compared(
  figure: string,
  peerName: string,
  pairs: readonly { ours: number; peer: number }[],
  target: Row['target'],
  cpu?: Row['cpu'],
): Row {
  const ratios = pairs.map(({ ours, peer }) => ours / peer);
  return {
    figure,
    ours: median(pairs.map(({ ours }) => ours)),
    peer: { name: peerName, value: median(pairs.map(({ peer }) => peer)) },
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    rounds: pairs.length,
    target,
    ...(cpu === undefined ? {} : { cpu }),
  };
}

export function measured(figure: string, values: readonly number[], target: Row['target']): Row {
  return {
    figure,
    ours: median(values),
    spread: [Math.min(...values), Math.max(...values)],
    rounds: values.length,
    target,
  };
}

const short = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
};

/** The target in words, and whether it is met. */
export function targetCells({ target, ratio, ours }: Row): [string, string] {
  if (target === undefined) return ['–', '–'];
  if ('oursAtMost' in target) {
    const { oursAtMost, fasterAtLeast } = target;
    const isFast = ours <= oursAtMost;
    if (fasterAtLeast === undefined) return [`≤ ${oursAtMost}`, isFast ? 'met' : 'missed'];
    const isFaster = ratio !== undefined && ratio >= fasterAtLeast;
    return [`≤ ${oursAtMost} and ≥ ${fasterAtLeast} ×`, isFast && isFaster ? 'met' : 'missed'];
  }
  const value = ratio ?? ours;
  const unit = ratio === undefined ? '' : ' ×';
  if ('atLeast' in target) return [`≥ ${target.atLeast}${unit}`, value >= target.atLeast ? 'met' : 'missed'];
  return [`≤ ${target.atMost}${unit}`, value <= target.atMost ? 'met' : 'missed'];
}

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const ratio = row.ratio === undefined ? '–' : `${short(row.ratio)} ×`;
    const peer = row.peer === undefined ? '–' : `${short(row.peer.value)} (${row.peer.name})`;
    const cpu = Object.entries(row.cpu ?? {})
      .map(([name, value]) => `${name} ${short(value)}`)
      .join(', ');
    const spread = row.spread.map(short).join(' – ');
    return `| ${[row.figure, short(row.ours), peer, ratio, spread, row.rounds, ...targetCells(row), cpu || '–'].join(' | ')} |`;
  });
  return [
    '| figure | ours | peer | ratio | spread | rounds | target | | CPU µs per message |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

function machine(): string {
  const redis = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
  const version = /v=(\S+)/.exec(redis)?.[1] ?? 'unknown';
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} cores, ${memory} GiB, Node ${process.versions.node}, Redis ${version}, load generator on the same machine`;
}

/** Keeps the results of benchmarks that were not run this time. */
export function writeResults(results: readonly Result[]): void {
  let before: { results: Result[] } = { results: [] };
  try {
    before = JSON.parse(readFileSync(JSON_FILE, 'utf8')) as typeof before;
  } catch {
    // the first run
  }
  const names = new Set(results.map(({ name }) => name));
  const all = [...before.results.filter(({ name }) => !names.has(name)), ...results].toSorted((a, b) =>
    a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
  writeFileSync(JSON_FILE, `${JSON.stringify({ machine: machine(), results: all }, undefined, 2)}\n`);
  const sections = all.map(({ title, at, rows }) => `## ${title}\n\n${at}\n\n${table(rows)}\n`);
  const head =
    '# Benchmarks\n\nWritten by `npm run bench`. Medians over the rounds of one run, in which ours and the peer took turns, or the ' +
    'quantile over the requests of one run that a figure names; ' +
    'a ratio is taken inside its round, and the spread is its lowest and highest. Only figures of one run compare.\n\n' +
    `${machine()}.\n`;
  writeFileSync(`${FOLDER}results.md`, [head, ...sections].join('\n'));
}
