/** Reports the errors of Redis in the log and in `/readyz`. */
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import { refusalOf } from '@lyftr/shared/runtime/refusal';

/** A refused command is retried at least once a second. So a refusal that was not repeated for this long is over. */
const REFUSED_MS = 5_000;

export interface RedisTrouble {
  /** Logs a refusal once, because it lasts until someone changes a setting. Logs other errors at most once a second. */
  note(this: void, error: unknown): void;
  /** What the operator must change, or undefined when Redis does not refuse us. */
  refusal(): string | undefined;
}

export function createRedisTrouble(log: Logger): RedisTrouble {
  let last: { refusal: string; at: number } | undefined;
  const logTrouble = rateLimited(1_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'Redis error');
  });
  const refusal = (): string | undefined =>
    last !== undefined && performance.now() - last.at < REFUSED_MS ? last.refusal : undefined;

  return {
    refusal,
    note(error) {
      const found = refusalOf(error);
      if (found === undefined) {
        logTrouble(error);
        return;
      }
      if (found !== refusal()) log.warn({ reason: found }, 'Redis refused the writer');
      last = { refusal: found, at: performance.now() };
    },
  };
}
