/** Limits wrong tokens per address. */
import { ipKeyGenerator, rateLimit, type RateLimitExceededEventHandler } from 'express-rate-limit';

const TRIES_MAX = 10;
export const TRIES_WINDOW_SECONDS = 60;

/**
 * Counts each request that is answered with an error, and calls `refuse` after TRIES_MAX of them. Express determines
 * the address (`trust proxy`). All addresses of an IPv6 /56 network count as one.
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
