/** What an operator changes: dead letters are replayed and discarded, and what is missing is written off. */
import { json, type RequestHandler } from 'express';
import { AnswerError, createClient, UnreachableError } from '@lyftr/shared/client/client';
import { ProblemError } from '@lyftr/shared/errors';
import { MESSAGE_ID_CHARS_MAX } from '@lyftr/shared/limits';
import { signBuiltIn } from '@lyftr/sources/open';
import { NotDiscardedError, replay, ReplayError } from '@lyftr/shared/client/replay';
import type { ReadStore } from '@lyftr/store/store';
import type { AtWriter } from '../system/at-writer.js';
import { readDeadLetter } from './dead-letters.js';

const BODY_BYTES_MAX = '4kb';
const RETRY_AFTER_SECONDS = 1;
/** More than the intake waits for Redis. A person waits for it. */
const REPLAY_TIMEOUT_MS = 5_000;

/** Where replayed messages go, and what they may be signed with. */
export interface IntakeSettings {
  url: string;
  secrets: readonly string[];
}

export interface ReplayAnswer {
  id: number;
  /** Messages that the intake acknowledged. */
  replayed: number;
  discarded: boolean;
  /** Why the letter is still there, when it is. */
  detail?: string;
}

/** Where everybody may read without a token, nobody may change anything. */
export function noActions(): RequestHandler {
  return () => {
    throw new ProblemError('bad-token', 'Without API_TOKEN nothing can be changed here: set one.');
  };
}

/** When the settings for it are not there. */
export function noReplay(): RequestHandler {
  return () => {
    throw new ProblemError(
      'not-found',
      'This service has no INGEST_URL or no WEBHOOK_SECRET: use `lyftr dead-letters replay`.',
    );
  };
}

function idOf(text: string): number {
  const id = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (id === 0) throw new ProblemError('not-found', 'There is no dead letter of this number.');
  return id;
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

/** Why the intake has not taken a replay, in words for who asked here. */
function toProblem(error: unknown): unknown {
  if (error instanceof ReplayError)
    return new ProblemError('not-replayable', `It is not replayed: ${error.message}.`);
  if (error instanceof UnreachableError && error.mayHaveArrived)
    return new ProblemError(
      'not-confirmed',
      'The intake has not confirmed it: the message may be stored all the same. Search for its id before you repeat it.',
    );
  if (error instanceof AnswerError && error.code === 'bad-signature')
    return new ProblemError(
      'not-replayable',
      'The intake knows none of the secrets of this service: restart query with the WEBHOOK_SECRET that the intake has.',
    );
  if (error instanceof AnswerError && error.status < 500)
    return new ProblemError('not-replayable', `The intake refuses: ${error.words}`);
  if (!(error instanceof AnswerError || error instanceof UnreachableError)) return error;
  return new ProblemError('not-ready', `The intake does not take it now: ${error.message}.`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

/** In this order. */
export type Handlers = RequestHandler<{ id: string }>[];

export function replayLetter(store: ReadStore, atWriter: AtWriter, intake: IntakeSettings): Handlers {
  const client = createClient({
    origin: intake.url,
    token: undefined,
    signing: { secrets: () => intake.secrets, sign: signBuiltIn },
    hint: 'INGEST_URL may be wrong',
    timeoutMs: REPLAY_TIMEOUT_MS,
  });
  const port = {
    isTaken: async (id: string) => (await store.message(id)) !== undefined,
    deliver: (messages: readonly string[]) => client.deliver(messages),
    async discard(id: number) {
      await atWriter.remove(`/dead-letters/${id}`);
    },
  };
  return [
    json({ limit: BODY_BYTES_MAX }),
    async (req, res) => {
      const id = idOf(req.params.id);
      const as = newId(req.body);
      const answer = await replay(port, await readDeadLetter(store, id), as).then(
        (replayed): ReplayAnswer => ({ id, replayed, discarded: true }),
        (error: unknown): ReplayAnswer => {
          if (!(error instanceof NotDiscardedError)) throw toProblem(error);
          const { replayed, message } = error;
          return { id, replayed, discarded: false, detail: `It is ${message}` };
        },
      );
      res.json(answer);
    },
  ];
}

export function discardLetter(atWriter: AtWriter): Handlers {
  return [
    async (req, res) => {
      await atWriter.remove(`/dead-letters/${idOf(req.params.id)}`);
      res.status(204).end();
    },
  ];
}

/** `difference` is that of the ledger as the operator has seen it; the writer checks it. */
export function writeOffMissing(atWriter: AtWriter): RequestHandler {
  return async (req, res) => {
    const { search } = new URL(req.url, 'http://localhost');
    res.json(await atWriter.remove(`/ledger/missing${search}`));
  };
}
