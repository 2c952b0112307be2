/**
 * `POST /webhook/{source}`: signature over the raw bytes → handshake → rate. What was verified is never refused for its
 * content, and nothing that a sender can send makes a 5xx here.
 */
import type { SourceDelivery } from '@lyftr/shared/batch';
import { ProblemError } from '@lyftr/shared/errors';
import { sha256Hex } from '@lyftr/sources/bytes';
import type { Answer, Headers, Source, Verdict, Verified } from '@lyftr/sources/source';
import { bodyText } from './body-text.js';
import { createIntake, type Delivery, type Intake, type IntakeOptions } from './intake.js';
import type { KeysUsed } from './keys-used.js';
import type { SourceMetrics } from './observe.js';
import type { TokenBucket } from './rate-limit.js';
import type { Rejects } from './rejects.js';

/** The same for every scheme and every reason: a sender learns nothing of the signature. */
const REFUSED = 'The signature is missing or wrong, or the signed time is too far from now.';

export interface SourceIntakeOptions extends IntakeOptions {
  bytesMax: number;
  metrics: SourceMetrics;
  bucket: TokenBucket | undefined;
  rejects: Rejects;
  keysUsed: KeysUsed;
}

/** One value for each header. Several are joined as RFC 9110 (5.3) joins them. */
function keptOf(headers: Headers, names: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) kept[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return kept;
}

export function createSourceIntake(
  { bytesMax, metrics, bucket, rejects, keysUsed, ...options }: SourceIntakeOptions,
  source: Source,
): Intake<Answer> {
  /** A scheme that throws at what somebody sent has a fault, which must not become the sender's. */
  function safely<T>(run: () => T, otherwise: () => T, requestId: string): T {
    try {
      return run();
    } catch (error) {
      metrics.failed(error, requestId);
      return otherwise();
    }
  }

  function verify(delivery: Delivery): Verified['ok'] {
    const verdict = safely<Verdict>(
      () => source.verify(delivery),
      () => ({ reason: 'malformed' }),
      delivery.requestId,
    );
    if ('ok' in verdict) return verdict.ok;
    metrics.rejected(verdict.reason);
    rejects.note({ source, delivery, refused: verdict });
    throw new ProblemError('bad-signature', REFUSED);
  }

  function requireToken(): void {
    const waitSeconds = bucket?.take() ?? 0;
    if (waitSeconds === 0) return;
    throw new ProblemError('rate-limited', undefined, { retryAfterSeconds: Math.ceil(waitSeconds) });
  }

  function toItem(delivery: Delivery, { keyId, signedAtMs }: Verified['ok']): SourceDelivery {
    const { body, headers, contentType = '', nowMs, requestId } = delivery;
    const id = safely(
      () => source.deliveryId(delivery),
      () => sha256Hex(body),
      requestId,
    );
    return {
      source: source.name,
      scheme: source.scheme,
      key: keyId,
      id,
      verifiedAt: nowMs,
      ...(signedAtMs === undefined ? {} : { signedAt: signedAtMs }),
      contentType,
      headers: keptOf(headers, source.kept),
      ...bodyText(body),
    };
  }

  return createIntake(options, {
    headers: source.headers,
    bytesMax,
    metrics,
    read(delivery) {
      const verified = verify(delivery);
      const { requestId, startedAt } = delivery;
      const handshake = safely(
        () => source.handshake(delivery.body, verified.keyId),
        () => undefined,
        requestId,
      );
      if (handshake !== undefined) {
        metrics.handshake(handshake.status, startedAt, requestId);
        return { answer: handshake };
      }
      requireToken();
      return { items: [toItem(delivery, verified)], answer: source.answer };
    },
    stored(items) {
      for (const { key, verifiedAt } of items as SourceDelivery[]) {
        metrics.keyUsed(key);
        keysUsed.note(source.name, key, verifiedAt);
      }
    },
  });
}
