import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { COUNTERS, GAUGES, HISTOGRAMS } from '../metrics.js';
import { LAG_SAMPLE_MS, subtractSamplePeriod } from './event-loop.js';

/** There is no global registry. Each process and each test creates its own. */
export function counter<N extends keyof typeof COUNTERS>(registry: Registry, name: N) {
  return new Counter<(typeof COUNTERS)[N]['labelNames'][number]>({
    name,
    ...COUNTERS[name],
    registers: [registry],
  });
}

export function gauge<N extends keyof typeof GAUGES>(registry: Registry, name: N) {
  return new Gauge<(typeof GAUGES)[N]['labelNames'][number]>({
    name,
    ...GAUGES[name],
    registers: [registry],
  });
}

export function histogram<N extends keyof typeof HISTOGRAMS>(registry: Registry, name: N) {
  const { help, labelNames, buckets } = HISTOGRAMS[name];
  return new Histogram<(typeof HISTOGRAMS)[N]['labelNames'][number]>({
    name,
    help,
    labelNames,
    buckets: [...buckets],
    registers: [registry],
  });
}

/** Creates a registry with the figures of the process: CPU, memory, event loop, garbage collection. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_SAMPLE_MS });
  subtractSamplePeriod(registry);
  return registry;
}
