import { AnswerError, UnreachableError } from '@lyftr/shared/client/client';

const RETRY_DEFAULT_MS = 1_000;

/** How long to wait before the next try. Undefined when a retry cannot help. */
export function retryAfterMs(error: unknown): number | undefined {
  if (error instanceof UnreachableError) return RETRY_DEFAULT_MS;
  if (!(error instanceof AnswerError)) return undefined;
  const { status, retryAfterSeconds } = error;
  if (status < 500 && status !== 408 && status !== 429) return undefined;
  return retryAfterSeconds === undefined ? RETRY_DEFAULT_MS : retryAfterSeconds * 1_000;
}
