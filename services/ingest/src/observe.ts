import type { ProblemCode } from '@lyftr/shared/errors';
import { PROBLEMS } from '@lyftr/shared/errors';
import { HANDSHAKE, REFUSALS, type Refusal } from '@lyftr/shared/outcomes';
import type { Logger } from '@lyftr/shared/runtime/log';
import { counter, histogram } from '@lyftr/shared/runtime/metrics';
import { REJECT_REASONS } from '@lyftr/shared/sources';
import type { Reason, Source } from '@lyftr/sources/source';
import type { Registry } from 'prom-client';

/** One route for all sources: their number has no bound. */
export const SOURCE_ROUTE = '/webhook/:source';

/** The refusals of which an answer with this problem is one. */
const REFUSAL_OF: Partial<Record<ProblemCode, Refusal>> = {
  'bad-signature': 'invalid_signature',
  'body-too-large': 'too_large',
  'rate-limited': 'rate_limited',
  'queue-unavailable': 'unavailable',
  'too-busy': 'unavailable',
  internal: 'unavailable',
};
const OTHERWISE: Refusal = 'invalid_payload';

/** What becomes of the requests to a route, in figures, and at `debug` in a line. */
export interface RouteMetrics {
  /** `items`: messages or deliveries. `startedAt`: `performance.now()` when the request's headers had been read. */
  accepted(items: number, startedAt: number, requestId: string): void;
  refused(code: ProblemCode, startedAt: number, requestId: string): void;
  /** An error that is a fault of this program. */
  failed(error: unknown, requestId: string): void;
}

export interface SourceMetrics extends RouteMetrics {
  /** `status` of the answer. */
  handshake(status: number, startedAt: number, requestId: string): void;
  rejected(reason: Reason): void;
  /** A delivery that the key verified was accepted. */
  keyUsed(keyId: string): void;
}

export interface IntakeMetrics {
  /** Of the built-in source. */
  route(path: string): RouteMetrics;
  source(source: Source, method?: 'GET' | 'POST'): SourceMetrics;
}

export function createIntakeMetrics(registry: Registry, log: Logger): IntakeMetrics {
  const deliveries = counter(registry, 'webhook_total');
  const rejects = counter(registry, 'webhook_rejected_total');
  const keys = counter(registry, 'webhook_key_used_total');
  const ackSeconds = histogram(registry, 'ingest_ack_seconds');
  const requestSeconds = histogram(registry, 'http_request_duration_seconds');
  for (const status of REFUSALS) deliveries.inc({ status }, 0);

  function metricsOf(
    labels: { route: string; method: string },
    ofSource: { source?: string },
    acceptedStatus: number,
  ): RouteMetrics & Pick<SourceMetrics, 'handshake'> {
    function finish(status: number, startedAt: number): number {
      const seconds = (performance.now() - startedAt) / 1_000;
      requestSeconds.observe({ service: 'ingest', ...labels, code: String(status) }, seconds);
      return seconds;
    }
    const where = { route: labels.route, ...ofSource };
    return {
      accepted(messages, startedAt, requestId) {
        const seconds = finish(acceptedStatus, startedAt);
        if (messages > 0) ackSeconds.observe(seconds);
        log.debug({ requestId, ...where, messages }, 'delivery accepted');
      },
      refused(code, startedAt, requestId) {
        finish(PROBLEMS[code].status, startedAt);
        deliveries.inc({ status: REFUSAL_OF[code] ?? OTHERWISE, ...ofSource });
        log.debug({ requestId, ...where, problem: code }, 'delivery refused');
      },
      handshake(status, startedAt, requestId) {
        finish(status, startedAt);
        deliveries.inc({ status: HANDSHAKE, ...ofSource });
        log.debug({ requestId, ...where }, 'handshake answered');
      },
      failed(error, requestId) {
        log.error({ err: error, requestId, ...where }, 'delivery failed');
      },
    };
  }

  /** Counters start at zero, so that a rate includes the first event. */
  function startAtZero({ name, keys: all }: Source): void {
    for (const status of [...REFUSALS, HANDSHAKE]) deliveries.inc({ status, source: name }, 0);
    for (const reason of REJECT_REASONS) rejects.inc({ source: name, reason }, 0);
    for (const { id } of all) keys.inc({ source: name, key: id }, 0);
  }

  return {
    route: (path) => metricsOf({ route: path, method: 'POST' }, {}, 200),
    source(source, method = 'POST') {
      startAtZero(source);
      const { name, answer } = source;
      return {
        ...metricsOf({ route: SOURCE_ROUTE, method }, { source: name }, answer.status),
        rejected(reason) {
          rejects.inc({ source: name, reason });
        },
        keyUsed(keyId) {
          keys.inc({ source: name, key: keyId });
        },
      };
    },
  };
}
