/** The changes by an operator: replay or discard dead letters, write off missing messages. */
import { json, type RequestHandler } from 'express';
import { AnswerError, createClient, UnreachableError } from '@lyftr/shared/client/client';
import { ProblemError } from '@lyftr/shared/errors';
import { MESSAGE_ID_CHARS_MAX } from '@lyftr/shared/limits';
import { signBuiltIn } from '@lyftr/sources/open';
import { NotDiscardedError, replay, ReplayError } from '@lyftr/shared/client/replay';
import type { SentDelivery } from '@lyftr/shared/sources';
import type { ReadStore } from '@lyftr/store/store';
import type { AtWriter } from '../system/at-writer.js';
import { letterAnswer, readDeadLetter } from './dead-letters.js';

const BODY_BYTES_MAX = '4kb';
const RETRY_AFTER_SECONDS = 1;
/** Longer than the intake waits for Redis, and short enough for a person who waits. */
const REPLAY_TIMEOUT_MS = 5_000;

/** The origin for replayed messages, and the secrets to sign them with. */
export interface IntakeSettings {
  url: string;
  secrets: readonly string[];
}

export interface ReplayAnswer {
  id: number;
  /** Messages that the intake acknowledged. */
  replayed: number;
  discarded: boolean;
  /** Why the dead letter could not be discarded. Absent when it was discarded. */
  detail?: string;
}

/** Refuses changes when everyone may read without a token. */
export function noActions(): RequestHandler {
  return () => {
    throw new ProblemError('bad-token', 'Changes require API_TOKEN. Set it and restart the service.');
  };
}

/** Refuses replays when the settings for them are missing. */
export function noReplay(): RequestHandler {
  return () => {
    throw new ProblemError(
      'not-found',
      'This service needs INGEST_URL and WEBHOOK_SECRET for a replay. Set them, or run `lyftr dead-letters replay`.',
    );
  };
}

function idOf(text: string): number {
  const id = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (id === 0) throw new ProblemError('not-found', 'No dead letter has this number.');
  return id;
}

/** The id in `{"as": "…"}`. Undefined when the body has none or is missing: the message keeps its id. */
function newId(body: unknown): string | undefined {
  const { as } = (body ?? {}) as { as?: unknown };
  if (as === undefined) return undefined;
  if (typeof as === 'string' && as.length > 0 && as.length <= MESSAGE_ID_CHARS_MAX) return as;
  throw new ProblemError('invalid-query', undefined, {
    errors: [{ path: '/as', message: `must be a string of 1 to ${MESSAGE_ID_CHARS_MAX} characters` }],
  });
}

/** Converts an error of the intake into a problem for the client. */
function toProblem(error: unknown): unknown {
  if (error instanceof ReplayError)
    return new ProblemError('not-replayable', `The dead letter was not replayed: ${error.message}.`);
  if (error instanceof UnreachableError && error.mayHaveArrived)
    return new ProblemError(
      'not-confirmed',
      'The intake did not confirm the replay, but the message may have been stored. Search for its id before you try again.',
    );
  if (error instanceof AnswerError && error.code === 'bad-signature')
    return new ProblemError(
      'not-replayable',
      'The intake accepts none of the secrets of this service. Restart query with the WEBHOOK_SECRET of the intake.',
    );
  if (error instanceof AnswerError && error.status < 500)
    return new ProblemError('not-replayable', `The intake refused the message: ${error.words}`);
  if (!(error instanceof AnswerError || error instanceof UnreachableError)) return error;
  return new ProblemError('not-ready', `The intake cannot accept the message now: ${error.message}.`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

/** Handlers, in order. */
export type Handlers = RequestHandler<{ id: string }>[];

export function replayLetter(store: ReadStore, atWriter: AtWriter, intake: IntakeSettings): Handlers {
  const client = createClient({
    origin: intake.url,
    token: undefined,
    signing: { secrets: () => intake.secrets, sign: signBuiltIn },
    hint: 'check INGEST_URL',
    timeoutMs: REPLAY_TIMEOUT_MS,
  });
  const port = {
    isTaken: async (id: string) => (await store.message(id)) !== undefined,
    deliver: (messages: readonly string[]) => client.deliver(messages),
    redeliver: (delivery: SentDelivery) => client.redeliver(delivery),
    async discard(id: number) {
      await atWriter.remove(`/dead-letters/${id}`);
    },
  };
  return [
    json({ limit: BODY_BYTES_MAX }),
    async (req, res) => {
      const id = idOf(req.params.id);
      const as = newId(req.body);
      const answer = await replay(port, letterAnswer(await readDeadLetter(store, id)), as).then(
        (replayed): ReplayAnswer => ({ id, replayed, discarded: true }),
        (error: unknown): ReplayAnswer => {
          if (!(error instanceof NotDiscardedError)) throw toProblem(error);
          const { replayed, message } = error;
          return { id, replayed, discarded: false, detail: `The dead letter was ${message}` };
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

/** `difference` is the value of the ledger that the operator has seen. The writer compares it with the current one. */
export function writeOffMissing(atWriter: AtWriter): RequestHandler {
  return async (req, res) => {
    const { search } = new URL(req.url, 'http://localhost');
    res.json(await atWriter.remove(`/ledger/missing${search}`));
  };
}
