/** Sends metrics in the format that the client accepts. */
import type { Request, RequestHandler, Response } from 'express';
import { AggregatorRegistry, Registry, type MetricObject } from 'prom-client';

const TEXT = 'text/plain';
// the version that prom-client writes
const OPENMETRICS = 'application/openmetrics-text; version=1.0.0';

/** Merges families of the same name and adds samples with the same labels. */
export function summed(
  families: readonly unknown[][],
): Registry<typeof Registry.PROMETHEUS_CONTENT_TYPE | typeof Registry.OPENMETRICS_CONTENT_TYPE> {
  return AggregatorRegistry.aggregate(families as MetricObject[][]);
}

/** In OpenMetrics, `_total` is part of the sample's name and not of the family's. prom-client adds it to the sample. */
function withoutTotal(families: readonly unknown[]): unknown[] {
  return (families as { name: string; type: unknown }[]).map((family) =>
    family.type === 'counter' ? { ...family, name: family.name.replace(/_total$/, '') } : family,
  );
}

/**
 * Sends the sum of the families in Prometheus's text format or in OpenMetrics, as `Accept` prefers. prom-client adds
 * up counters, histograms and gauges with the same labels.
 */
export async function sendMetrics(
  req: Pick<Request, 'accepts'>,
  res: Response,
  families: readonly unknown[][],
): Promise<void> {
  const isOpenMetrics = req.accepts(TEXT, OPENMETRICS) === OPENMETRICS;
  const registry = summed(isOpenMetrics ? families.map(withoutTotal) : families);
  if (isOpenMetrics) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const page = await registry.metrics();
  res.set({ 'content-type': registry.contentType, 'cache-control': 'no-store', vary: 'accept' }).send(page);
}

/** `GET /metrics/process`: the figures of this process only. */
export function processMetrics(registry: Registry): RequestHandler {
  return async (req, res) => {
    await sendMetrics(req, res, [await registry.getMetricsAsJSON()]);
  };
}
