/** Figures that have been added up elsewhere already, taken out of those that go on. */
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

type Metric = MetricObjectWithValues<MetricValue<string>>;
type Value = MetricValue<string> & { metricName?: string };

const GROWS: ReadonlySet<string> = new Set(['counter', 'histogram']);
const seriesOf = (name: string, { metricName = name, labels }: Value): string =>
  `${metricName} ${JSON.stringify(labels)}`;

/**
 * What `metrics` of a process have beyond `base`, which the same process had before. Gauges are what they are now. A part
 * of a histogram is a histogram, for its buckets are sums.
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
