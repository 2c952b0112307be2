import type { SoakReport } from './soak.js';

const STATUS_NAMES: Record<number, string> = { 0: 'connection lost', 200: 'acknowledged', 503: 'refused' };
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
/** Median of the seconds without a refusal or a lost connection. */
function calmRate({ seconds: all }: SoakReport['traffic']): number {
  // a second in which nothing was answered at all has no entry
  const calm = all.filter((second) => second?.isCalm).map(({ acknowledged }) => acknowledged);
  return calm.toSorted((a, b) => a - b)[Math.floor(calm.length / 2)] ?? 0;
}

const row = (name: string, value: string | number): string => `  ${name.padEnd(44)} ${String(value)}`;

/** For a person, and for a file beside the code. */
export function describe(report: SoakReport): string {
  const { traffic, faults, skipped, checks } = report;
  const statuses = [...traffic.statuses].toSorted(([a], [b]) => a - b);
  return [
    `Soak with seed ${report.seed}`,
    row('duration', seconds(report.durationMs)),
    row('from the last fault to an empty queue', seconds(report.drainMs)),
    row('processes started again', report.restarts),
    row('messages that the database refused at first', report.refusedByDatabase),
    '',
    'Traffic',
    row('messages', traffic.messages),
    row('messages acknowledged', traffic.acknowledged),
    row('acknowledged a second, outages included', report.acknowledgedPerSecond),
    row('  median of the seconds between outages', calmRate(traffic)),
    row('requests', traffic.requests),
    row('  of them batches', traffic.batches),
    row('  of them deliveries of sources', traffic.ofSources),
    row('  of them redeliveries', traffic.redeliveries),
    ...statuses.map(([status, count]) => row(`answers ${status} ${STATUS_NAMES[status] ?? ''}`, count)),
    '',
    'Faults',
    ...Array.from(faults, ([name, count]) => row(name, count)),
    ...skipped.map(({ name, reason }) => row(name, `skipped: ${reason}`)),
    '',
    'Verdict',
    ...checks.map(({ what, ok, detail }) => `  ${ok ? 'ok  ' : 'FAIL'} ${what}${detail && ` (${detail})`}`),
    '',
    report.ok ? 'Nothing was lost, nothing was stored twice.' : `FAILED; kept for inspection: ${report.kept}`,
  ].join('\n');
}
