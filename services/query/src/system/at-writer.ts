/** Sends changes to the leading writer, because only it may change the database. */
import { AnswerError, createClient, UnreachableError } from '@lyftr/shared/client/client';
import { ProblemError } from '@lyftr/shared/errors';
import { findLeader } from '@lyftr/shared/runtime/leader';
import type { Redis } from 'ioredis';

/** Longer than a transaction of the writer, and short enough for a person who waits. */
const TIMEOUT_MS = 5_000;
const RETRY_AFTER_SECONDS = 1;

export interface AtWriter {
  /**
   * Sends a DELETE to the leading writer. Resolves with the JSON of the response, if any. Rejects with ProblemError:
   * the writer's own problem, `not-confirmed` when the change may or may not have been made, `not-ready` when there
   * is no reachable leader.
   */
  remove(path: string): Promise<unknown>;
}

const notReady = (detail: string): ProblemError =>
  new ProblemError('not-ready', `${detail} Nothing was changed. Try again.`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });

async function leaderUrl(redis: Redis): Promise<string> {
  const leader = await findLeader(redis).catch(() => {
    throw notReady('Redis is not responding. It is needed to find the leading writer.');
  });
  if (leader === undefined) throw notReady('There is no leading writer now.');
  if (leader.url === undefined) throw notReady('The leading writer has not published its URL yet.');
  return leader.url;
}

function toProblem(error: unknown): unknown {
  if (error instanceof UnreachableError) {
    if (!error.mayHaveArrived) return notReady(`The leading writer cannot be reached: ${error.message}.`);
    return new ProblemError(
      'not-confirmed',
      `The writer did not confirm the change within ${TIMEOUT_MS / 1_000} s. The change may still be made. Check before you repeat it.`,
    );
  }
  if (!(error instanceof AnswerError)) return error;
  const { code, detail, errors, retryAfterSeconds } = error;
  if (code === undefined) return notReady(`The writer refused the change: ${error.message}.`);
  return new ProblemError(code, detail, {
    ...(errors.length === 0 ? {} : { errors: [...errors] }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

export function createAtWriter(redis: Redis, token: string | undefined): AtWriter {
  return {
    async remove(path) {
      const client = createClient({
        origin: await leaderUrl(redis),
        token,
        signing: undefined,
        hint: 'check WRITER_URL of that writer',
        timeoutMs: TIMEOUT_MS,
      });
      try {
        return await client.remove(path);
      } catch (error) {
        throw toProblem(error);
      }
    },
  };
}
