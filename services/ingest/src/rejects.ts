/** Notes deliveries whose signature was not accepted, in a list in Redis that query shows. */
import { REJECTS_KEY, REJECTS_MAX, type Reject } from '@lyftr/shared/sources';
import type { Enqueuer } from '@lyftr/queue/enqueue';
import { sha256Hex } from '@lyftr/sources/bytes';
import type { Refused, Source } from '@lyftr/sources/source';
import { diagnose } from './diagnose.js';
import { collectHeaders } from './headers.js';
import type { Delivery } from './intake.js';
import { TokenBucket } from './rate-limit.js';

const NOTED_PER_SECOND_MAX = 20;
/** A larger body is only looked at from outside. */
const SEARCHED_BODY_BYTES_MAX = 1024 * 1024;
/** Bytes of bodies in which a process looks for a near miss, so that forgeries do not cost others their time. */
const SEARCHED_BYTES_PER_SECOND = 4 * 1024 * 1024;

export interface Rejection {
  source: Source;
  delivery: Delivery;
  refused: Refused;
}

export interface Rejects {
  /** Looks for the reason when the answer has left. */
  note(rejection: Rejection): void;
}

export interface RejectsOptions {
  /** All that there are now. */
  sources: () => readonly Source[];
  /** Called at most NOTED_PER_SECOND_MAX times in a second. */
  write: (reject: Reject) => void;
}

export function createRejects({ sources, write }: RejectsOptions): Rejects {
  const searched = new TokenBucket({
    per_second: SEARCHED_BYTES_PER_SECOND,
    burst: SEARCHED_BYTES_PER_SECOND,
  });
  /** When the last of them were noted, the oldest first. */
  const notedAt: number[] = [];

  function hasTurn(): boolean {
    const now = performance.now();
    if (notedAt.length === NOTED_PER_SECOND_MAX) {
      if (now - (notedAt[0] as number) < 1_000) return false;
      notedAt.shift();
    }
    notedAt.push(now);
    return true;
  }

  function toReject({ source, delivery, refused }: Rejection): Reject {
    const { body, nowMs, requestId, rawHeaders = [] } = delivery;
    const request = { ...delivery, headers: collectHeaders(rawHeaders) };
    const isThorough = body.length <= SEARCHED_BODY_BYTES_MAX && searched.take(body.length) === 0;
    return {
      at: new Date(nowMs).toISOString(),
      source: source.name,
      reason: refused.reason,
      ...diagnose({ source, request, refused }, { sources: sources(), isThorough }),
      bytes: body.length,
      sha256: sha256Hex(body),
      request_id: requestId,
    };
  }

  return {
    note(rejection) {
      if (hasTurn()) setImmediate(() => write(toReject(rejection)));
    },
  };
}

/** A list that loses an entry while Redis is away has lost nothing that a sender was promised. */
export function writeReject(redis: Enqueuer['redis'], reject: Reject): void {
  if (redis.status !== 'ready') return;
  redis
    .multi()
    .lpush(REJECTS_KEY, JSON.stringify(reject))
    .ltrim(REJECTS_KEY, 0, REJECTS_MAX - 1)
    .exec()
    .catch(() => {});
}
