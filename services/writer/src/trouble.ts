/** Everything that Redis fails at, for the log and for `/readyz`. */
import { rateLimited, type Logger } from '@lyftr/shared/runtime/log';
import { refusalOf } from '@lyftr/shared/runtime/refusal';

/** Whoever is refused asks again at least once a second, so a refusal that was not heard for so long is over. */
const REFUSED_MS = 5_000;

export interface RedisTrouble {
  /** Logs a refusal once, for it stays until somebody changes something, and everything else once a second at most. */
  note(this: void, error: unknown): void;
  /** What to change, while Redis refuses us. */
  refusal(): string | undefined;
}

export function createRedisTrouble(log: Logger): RedisTrouble {
  let last: { refusal: string; at: number } | undefined;
  const logTrouble = rateLimited(1_000, (suppressed, err: unknown) => {
    log.warn({ err, suppressed }, 'Redis is in trouble');
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
      if (found !== refusal()) log.warn({ reason: found }, 'Redis refuses the writer');
      last = { refusal: found, at: performance.now() };
    },
  };
}
