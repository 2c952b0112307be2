/** `POST /dead-letters/{id}/replay` and `DELETE /dead-letters/{id}`: what `lyftr dead-letters` does, from the console. */
import { json, type RequestHandler } from 'express';
import { AnswerError, createClient, type Client } from '@lyftr/shared/client';
import { PROBLEMS, ProblemError } from '@lyftr/shared/errors';
import { MESSAGE_ID_CHARS_MAX } from '@lyftr/shared/limits';
import { NotDiscardedError, replay, ReplayError, type Letter } from '@lyftr/shared/replay';
import type { Store } from './store.js';

const BODY_BYTES_MAX = '4kb';
const RETRY_AFTER_SECONDS = 1;

export interface ActionSettings {
  ingestUrl: string;
  writerUrl: string;
  secret: string;
  token: string | undefined;
}

export interface ReplayAnswer {
  id: number;
  /** Messages that the intake acknowledged. */
  replayed: number;
  discarded: boolean;
  /** Why the letter is still there, when it is. */
  detail?: string;
}

/** When the settings for it are not there. */
export function noActions(): RequestHandler {
  return () => {
    throw new ProblemError(
      'not-found',
      'This service was not told how to reach intake and writer: use `lyftr dead-letters`.',
    );
  };
}

function idOf(text: string): number {
  const id = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (id === 0) throw new ProblemError('not-found', 'There is no dead letter of this number.');
  return id;
}

function readLetter(store: Store, id: number): Letter {
  const row = store.read((reader) =>
    reader.get('SELECT id, kind, reason, message_id, raw FROM dead_letters WHERE id = @id', { id }),
  ) as Letter | undefined;
  if (row === undefined) throw new ProblemError('not-found', 'There is no dead letter of this number.');
  return row;
}

/** The id in `{"as": "…"}`; a body without one, or no body, asks for the letter's own. */
function newId(body: unknown): string | undefined {
  const { as } = (body ?? {}) as { as?: unknown };
  if (as === undefined) return undefined;
  if (typeof as === 'string' && as.length > 0 && as.length <= MESSAGE_ID_CHARS_MAX) return as;
  throw new ProblemError('invalid-query', undefined, {
    errors: [{ path: '/as', message: `must be a string of 1 to ${MESSAGE_ID_CHARS_MAX} characters` }],
  });
}

/** The answers of intake and writer in words for who asked here. */
function toProblem(error: unknown, who: 'intake' | 'writer'): unknown {
  if (error instanceof ReplayError)
    return new ProblemError('not-replayable', `It is not replayed: ${error.message}.`);
  if (error instanceof ProblemError) return error;
  if (error instanceof AnswerError) {
    if (who === 'writer' && error.status === PROBLEMS['not-found'].status)
      return new ProblemError('not-found', 'There is no dead letter of this number.');
    if (error.status < 500) return new ProblemError('not-replayable', `The ${who} refuses: ${error.words}`);
  }
  return new ProblemError('not-ready', `The ${who} does not take it now: ${(error as Error).message}.`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

export interface Actions {
  /** For `POST …/replay`; in this order. */
  replay: RequestHandler<{ id: string }>[];
  discard: RequestHandler<{ id: string }>;
}

export function createActions(
  store: Store,
  { ingestUrl, writerUrl, secret, token }: ActionSettings,
): Actions {
  const client: Client = createClient({
    origin: ingestUrl,
    writer: writerUrl,
    token,
    secret: () => secret,
    hints: { origin: 'INGEST_URL may be wrong', writer: 'WRITER_URL may be wrong' },
  });
  const port = {
    isTaken: async (id: string) =>
      store.read((reader) => reader.get('SELECT 1 FROM messages WHERE message_id = @id', { id })) !==
      undefined,
    deliver: (messages: readonly string[]) => client.deliver(messages),
    async discard(id: number) {
      await client.removeAtWriter(`/dead-letters/${id}`);
    },
  };
  return {
    replay: [
      json({ limit: BODY_BYTES_MAX }),
      async (req, res) => {
        const id = idOf(req.params.id);
        const as = newId(req.body);
        const answer = await replay(port, readLetter(store, id), as).then(
          (replayed): ReplayAnswer => ({ id, replayed, discarded: true }),
          (error: unknown): ReplayAnswer => {
            if (!(error instanceof NotDiscardedError)) throw toProblem(error, 'intake');
            const { replayed, message } = error;
            return { id, replayed, discarded: false, detail: `It is ${message}. Discard it.` };
          },
        );
        res.json(answer);
      },
    ],
    async discard(req, res) {
      const id = idOf(req.params.id);
      await port.discard(id).catch((error: unknown) => {
        throw toProblem(error, 'writer');
      });
      res.status(204).end();
    },
  };
}
