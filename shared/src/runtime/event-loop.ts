/** How late the event loop is, as prom-client's default gauges tell it. */
import type { Gauge, Registry } from 'prom-client';

/** Ten samples a second instead of prom-client's hundred: an idle process should sleep. Each costs 25 µs. */
export const LAG_SAMPLE_MS = 100;
const LAG_SAMPLE_SECONDS = LAG_SAMPLE_MS / 1_000;
/** Above what any process has lived: Node's minimum of no samples is 2^63 ns. */
const NO_SAMPLES_SECONDS = 1e9;

const INTERVALS = ['min', 'max', 'mean', 'p50', 'p90', 'p99'];

/**
 * Node's monitor measures from one sample to the next, so an idle process would show the time between samples. The lag
 * is what is beyond it.
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
