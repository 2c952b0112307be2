import type { ProblemCode } from '@lyftr/shared/errors';
import { PROBLEMS } from '@lyftr/shared/errors';
import { REFUSALS, type Refusal } from '@lyftr/shared/outcomes';
import type { Logger } from '@lyftr/shared/runtime/log';
import { counter, histogram } from '@lyftr/shared/runtime/metrics';
import type { Registry } from 'prom-client';

const requestLabels = (route: string, code: number) => ({
  service: 'ingest',
  route,
  method: 'POST',
  code: String(code),
});

/** The refusals of which an answer with this problem is one. */
const REFUSAL_OF: Partial<Record<ProblemCode, Refusal>> = {
  'bad-signature': 'invalid_signature',
  'body-too-large': 'too_large',
  'queue-unavailable': 'unavailable',
  'too-busy': 'unavailable',
  internal: 'unavailable',
};
const OTHERWISE: Refusal = 'invalid_payload';

/** What becomes of each delivery, in figures, and at `debug` in a line. */
export interface IntakeMetrics {
  /** `startedAt`: `performance.now()` when the request's headers had been read. */
  accepted(route: string, messages: number, startedAt: number, requestId: string): void;
  refused(route: string, code: ProblemCode, startedAt: number, requestId: string): void;
  /** An error that is a fault of this program. */
  failed(error: unknown, requestId: string): void;
}

export function createIntakeMetrics(registry: Registry, log: Logger): IntakeMetrics {
  const deliveries = counter(registry, 'webhook_total');
  for (const status of REFUSALS) deliveries.inc({ status }, 0);
  const ackSeconds = histogram(registry, 'ingest_ack_seconds');
  const requestSeconds = histogram(registry, 'http_request_duration_seconds');

  return {
    accepted(route, messages, startedAt, requestId) {
      const seconds = (performance.now() - startedAt) / 1_000;
      if (messages > 0) ackSeconds.observe(seconds);
      requestSeconds.observe(requestLabels(route, 200), seconds);
      log.debug({ requestId, route, messages }, 'delivery accepted');
    },
    refused(route, code, startedAt, requestId) {
      deliveries.inc({ status: REFUSAL_OF[code] ?? OTHERWISE });
      requestSeconds.observe(
        requestLabels(route, PROBLEMS[code].status),
        (performance.now() - startedAt) / 1_000,
      );
      log.debug({ requestId, route, problem: code }, 'delivery refused');
    },
    failed(error, requestId) {
      log.error({ err: error, requestId }, 'delivery failed');
    },
  };
}
