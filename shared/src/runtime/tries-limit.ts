/** A limit on wrong tokens, counted by address. */
import { ipKeyGenerator, rateLimit, type RateLimitExceededEventHandler } from 'express-rate-limit';

const TRIES_MAX = 10;
export const TRIES_WINDOW_SECONDS = 60;

/**
 * Counts a request as a wrong token when its answer is an error, and calls `refuse` for those beyond TRIES_MAX. The address
 * is the one that Express determines (`trust proxy`); an IPv6 network of 56 bits counts as one address.
 */
export function createTriesLimit(refuse: RateLimitExceededEventHandler) {
  return rateLimit({
    windowMs: TRIES_WINDOW_SECONDS * 1_000,
    limit: TRIES_MAX,
    skipSuccessfulRequests: true,
    keyGenerator: (req) => ipKeyGenerator(req.ip ?? ''),
    standardHeaders: false,
    legacyHeaders: false,
    validate: false,
    handler: refuse,
  });
}
