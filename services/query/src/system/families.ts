/** Metric families in the form in which processes publish them, and their sum over processes. */
import type { PublishedMetric, Snapshot } from '@lyftr/shared/metrics';
import { summed } from '@lyftr/shared/runtime/metrics-page';

export interface Sample {
  value: number;
  labels: Record<string, string | number>;
  /** Set when it differs from the family's: `…_bucket`, `…_sum`, `…_count`. */
  metricName?: string;
}

export interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  aggregator: 'sum';
  values: Sample[];
}

export function family(
  type: Family['type'],
  { name, help }: { name: string; help: string },
  values: Sample[],
): Family {
  return { name, help, type, aggregator: 'sum', values };
}

/**
 * Sums must not depend on the order of their terms: a rounding error that makes a counter one bit smaller than
 * before is a reset to Prometheus, which then adds the whole value once more. Multiples of 2^-20 (about a
 * microsecond) add up without any rounding below 2^33.
 */
const STEPS_PER_UNIT = 2 ** 20;
const exact = (value: number): number => Math.round(value * STEPS_PER_UNIT) / STEPS_PER_UNIT;

const isNumber = (sample: Sample): boolean =>
  typeof sample.value === 'number' && Number.isFinite(sample.value);

/** CPU and garbage collection: a sum over services would hide which of them is busy. */
const isOfTheRuntime = (name: string): boolean => /^(process|nodejs)_/.test(name);

/** What outlives a process: its counters and histograms. Those of the runtime are told apart by service. */
export function totalsOf({ service, metrics }: Pick<Snapshot, 'service' | 'metrics'>): Family[] {
  return (metrics as unknown as Family[])
    .filter(({ type }) => type === 'counter' || type === 'histogram')
    .map(({ type, name, help, values }) => {
      // what has been summed already keeps the service that it was of
      const labels = isOfTheRuntime(name) ? { service } : {};
      return family(
        type,
        { name, help },
        values.filter(isNumber).map((sample) => ({
          ...sample,
          labels: { ...labels, ...sample.labels },
          value: exact(sample.value),
        })),
      );
    });
}

/**
 * What is true of one living process only: its gauges, labelled instead of summed. prom-client's gauges that end in
 * `_total` are left out: the name belongs to counters, and the same figures are there by type.
 */
export function gaugesOf(
  metrics: readonly PublishedMetric[],
  labels: { service: string; instance: string },
): Family[] {
  return (metrics as unknown as Family[])
    .filter(({ type, name }) => type === 'gauge' && !name.endsWith('_total'))
    .map(({ name, help, values }) =>
      family(
        'gauge',
        { name, help },
        // NaN, as of an average over nothing, arrives as null
        values.filter(isNumber).map((sample) => ({ ...sample, labels: { ...sample.labels, ...labels } })),
      ),
    );
}

export function sumFamilies(processes: Family[][]): Promise<PublishedMetric[]> {
  return summed(processes).getMetricsAsJSON();
}
