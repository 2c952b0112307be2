/** Corrects prom-client's gauges of the event loop lag. */
import type { Gauge, Registry } from 'prom-client';

/** Ten samples a second instead of prom-client's hundred, so that an idle process sleeps. A sample costs 25 µs. */
export const LAG_SAMPLE_MS = 100;
const LAG_SAMPLE_SECONDS = LAG_SAMPLE_MS / 1_000;
/** Longer than any process runs. Without samples, Node reports a minimum of 2^63 ns. */
const NO_SAMPLES_SECONDS = 1e9;

const INTERVALS = ['min', 'max', 'mean', 'p50', 'p90', 'p99'];

/**
 * Node measures the time from one sample to the next, so an idle process would report the sample period. Subtracts
 * the period, which leaves the lag.
 */
export function subtractSamplePeriod(registry: Registry): void {
  for (const interval of INTERVALS) {
    const gauge = registry.getSingleMetric(`nodejs_eventloop_lag_${interval}_seconds`) as Gauge;
    const set = gauge.set.bind(gauge);
    Object.assign(gauge, {
      set(labels: object, seconds: number): void {
        const lag = Math.max(0, seconds - LAG_SAMPLE_SECONDS);
        set(labels, seconds > NO_SAMPLES_SECONDS ? Number.NaN : lag);
      },
    });
  }
}
