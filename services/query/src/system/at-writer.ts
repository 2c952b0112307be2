/** What the leading writer alone may do, asked for from here: every change of the database is its own. */
import { AnswerError, createClient, UnreachableError } from '@lyftr/shared/client/client';
import { ProblemError } from '@lyftr/shared/errors';
import { findLeader } from '@lyftr/shared/runtime/leader';
import type { Redis } from 'ioredis';

/** Longer than a transaction of the writer takes. A person waits for it. */
const TIMEOUT_MS = 5_000;
const RETRY_AFTER_SECONDS = 1;

export interface AtWriter {
  /**
   * A DELETE at the leading writer. Resolves with the JSON of its answer, if it has any. Rejects with ProblemError:
   * the writer's own, `not-confirmed` when it may or may not be done, `not-ready` when it is not.
   */
  remove(path: string): Promise<unknown>;
}

const notReady = (detail: string): ProblemError =>
  new ProblemError('not-ready', `${detail} Nothing was changed: try again.`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });

async function leaderUrl(redis: Redis): Promise<string> {
  const leader = await findLeader(redis).catch(() => {
    throw notReady('Redis does not answer, and it knows which writer leads.');
  });
  if (leader === undefined) throw notReady('No writer leads now.');
  if (leader.url === undefined) throw notReady('The leading writer has not said yet where it listens.');
  return leader.url;
}

function toProblem(error: unknown): unknown {
  if (error instanceof UnreachableError) {
    if (!error.mayHaveArrived) return notReady(`The leading writer cannot be reached: ${error.message}.`);
    return new ProblemError(
      'not-confirmed',
      `The writer has not confirmed it within ${TIMEOUT_MS / 1_000} s: it may still happen. Look again before you repeat it.`,
    );
  }
  if (!(error instanceof AnswerError)) return error;
  const { code, detail, errors, retryAfterSeconds } = error;
  if (code === undefined) return notReady(`The writer does not take it: ${error.message}.`);
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
        hint: 'WRITER_URL of that writer says where it is reached',
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
