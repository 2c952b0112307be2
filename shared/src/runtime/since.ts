/** Subtracts figures that query has already summed from the figures of a process that continues. */
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

type Metric = MetricObjectWithValues<MetricValue<string>>;
type Value = MetricValue<string> & { metricName?: string };

const GROWS: ReadonlySet<string> = new Set(['counter', 'histogram']);
const seriesOf = (name: string, { metricName = name, labels }: Value): string =>
  `${metricName} ${JSON.stringify(labels)}`;

/**
 * The growth of `metrics` since `base`, an earlier state of the same process. Gauges keep their current value. The
 * buckets of a histogram are sums, so they are subtracted too.
 */
export function since(metrics: readonly Metric[], base: readonly Metric[]): Metric[] {
  const before = new Map(
    base.flatMap(({ name, values }) => values.map((each) => [seriesOf(name, each), each.value] as const)),
  );
  return metrics.map((metric) =>
    GROWS.has(String(metric.type))
      ? {
          ...metric,
          values: metric.values.map((each) => ({
            ...each,
            value: each.value - (before.get(seriesOf(metric.name, each)) ?? 0),
          })),
        }
      : metric,
  );
}
