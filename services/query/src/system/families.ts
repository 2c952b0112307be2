/** Metric families, in the form in which processes publish them, and their sum over processes. */
import type { PublishedMetric, ProcessSnapshot } from '@lyftr/shared/metrics';
import { summed } from '@lyftr/shared/runtime/metrics-page';

export interface MetricSample {
  value: number;
  labels: Record<string, string | number>;
  /** Set when it differs from the name of the family: `…_bucket`, `…_sum`, `…_count`. */
  metricName?: string;
}

export interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  aggregator: 'sum';
  values: MetricSample[];
}

export function family(
  type: Family['type'],
  { name, help }: { name: string; help: string },
  values: MetricSample[],
): Family {
  return { name, help, type, aggregator: 'sum', values };
}

/**
 * A sum must not depend on the order of its terms. A rounding error can make a counter one bit smaller than before.
 * Prometheus takes that for a reset and adds the whole value again. Multiples of 2^-20 (about a microsecond) add up
 * without rounding below 2^33.
 */
const STEPS_PER_UNIT = 2 ** 20;
const exact = (value: number): number => Math.round(value * STEPS_PER_UNIT) / STEPS_PER_UNIT;

const isNumber = (sample: MetricSample): boolean =>
  typeof sample.value === 'number' && Number.isFinite(sample.value);

/** CPU and garbage collection. A sum over services would hide which service is busy. */
const isOfTheRuntime = (name: string): boolean => /^(process|nodejs)_/.test(name);

/**
 * The figures that remain when a process ends: counters and histograms. Those of the runtime get a label for the
 * service.
 */
export function totalsOf({ service, metrics }: Pick<ProcessSnapshot, 'service' | 'metrics'>): Family[] {
  return (metrics as unknown as Family[])
    .filter(({ type }) => type === 'counter' || type === 'histogram')
    .map(({ type, name, help, values }) => {
      // a figure from the sum of retired processes already has its service label
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
 * The gauges of a running process, labelled instead of summed. Leaves out prom-client's gauges that end in `_total`:
 * the suffix belongs to counters, and the same figures exist by type.
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
        // NaN (for example the average of no values) arrives as null
        values.filter(isNumber).map((sample) => ({ ...sample, labels: { ...sample.labels, ...labels } })),
      ),
    );
}

export function sumFamilies(processes: Family[][]): Promise<PublishedMetric[]> {
  return summed(processes).getMetricsAsJSON();
}

/** The sum of one metric over processes, of the values that are `wanted`. */
export function sumOf(
  metrics: readonly PublishedMetric[][],
  name: string,
  wanted: (value: MetricSample) => boolean,
): number {
  let total = 0;
  for (const process of metrics) {
    const values = process.find((metric) => metric.name === name)?.values ?? [];
    for (const value of values as MetricSample[])
      if (wanted(value) && Number.isFinite(value.value)) total += value.value;
  }
  return total;
}
