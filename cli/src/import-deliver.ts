/**
 * Sends the batches of an import through the intake. Waits while the system is busy, and reports each message that it
 * refuses.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AnswerError, type Client } from '@lyftr/shared/client/client';
import type { Entry } from './import-read.js';
import { retryAfterMs } from './retry.js';

/** An entry that can be sent. */
export type Sendable = Entry & { body: Buffer };

export interface DelivererOptions {
  client: Client;
  onAcknowledged: (kind: Entry['kind'], count: number) => void;
  onRefused: (entry: Entry, reason: string) => void;
  /** Called once for each batch that has to wait. */
  onWait: (reason: string) => void;
}

/** The import stops when a batch was not accepted for this long. */
const PATIENCE_MS = 5 * 60_000;
/** Responses that concern the messages. Sending the same bytes again would not help. */
const ABOUT_THE_BODY = new Set([400, 413, 422]);
const BODY_TOO_LARGE = 413;

const NEWLINE = Buffer.from('\n');
const COMMA = Buffer.from(',');

interface Route {
  path: string;
  contentType: string;
  bodyOf: (batch: readonly Sendable[]) => Buffer;
}

const ROUTES: Readonly<Record<Entry['kind'], Route>> = {
  message: {
    path: '/webhook/batch',
    contentType: 'application/x-ndjson',
    bodyOf: (batch) => Buffer.concat(batch.flatMap(({ body }) => [body, NEWLINE])),
  },
  delivery: {
    path: '/deliveries',
    contentType: 'application/json',
    bodyOf: (batch) =>
      Buffer.concat([
        Buffer.from('['),
        ...batch.flatMap(({ body }, index) => (index === 0 ? [body] : [COMMA, body])),
        Buffer.from(']'),
      ]),
  },
};

/** Index in the batch → the fault of that message. `/3/ts` is member ts of message 3. */
function faultsOf({ errors }: AnswerError): Map<number, string> {
  const faults = new Map<number, string>();
  for (const { path, message } of errors) {
    const [, index, member = ''] = /^\/(\d+)(\/.*)?$/.exec(path) ?? [];
    if (index === undefined) continue;
    const before = faults.get(Number(index));
    const fault = `${member} ${message}`.trim();
    faults.set(Number(index), before === undefined ? fault : `${before}, ${fault}`);
  }
  return faults;
}

function reasonOf({ status, detail }: AnswerError): string {
  if (status === BODY_TOO_LARGE) return 'is larger than MAX_BODY_BYTES of the system';
  return detail === '' ? `was answered ${status}` : detail;
}

/**
 * Delivers a batch of one kind. Resolves when each of its messages is acknowledged or refused. Rejects when no message can be
 * accepted (a wrong secret, or a system that does not come back).
 */
export function createDeliverer(options: DelivererOptions): (batch: readonly Sendable[]) => Promise<void> {
  const { client, onAcknowledged, onRefused, onWait } = options;

  async function post(kind: Entry['kind'], batch: readonly Sendable[]): Promise<void> {
    const { path, contentType, bodyOf } = ROUTES[kind];
    const body = bodyOf(batch);
    const startedAt = performance.now();
    for (let tries = 1; ; tries++) {
      try {
        await client.post(path, body, contentType);
        return;
      } catch (error) {
        const waitMs = retryAfterMs(error);
        if (waitMs === undefined) throw error;
        const { message } = error as Error;
        if (performance.now() - startedAt > PATIENCE_MS)
          throw new Error(`stopped at line ${batch[0]?.line}: ${message}`, { cause: error });
        if (tries === 1) onWait(message);
        await delay(waitMs);
      }
    }
  }

  return async function deliver(batch) {
    const [first] = batch;
    if (first === undefined) return;
    try {
      await post(first.kind, batch);
      onAcknowledged(first.kind, batch.length);
    } catch (error) {
      if (!(error instanceof AnswerError) || !ABOUT_THE_BODY.has(error.status)) throw error;
      const faults = faultsOf(error);
      const rest = batch.filter((_entry, index) => !faults.has(index));
      if (rest.length < batch.length) {
        for (const [index, fault] of faults) {
          const entry = batch[index];
          if (entry !== undefined) onRefused(entry, fault);
        }
        await deliver(rest);
        return;
      }
      if (batch.length === 1) {
        onRefused(first, reasonOf(error));
        return;
      }
      const half = Math.ceil(batch.length / 2);
      await deliver(batch.slice(0, half));
      await deliver(batch.slice(half));
    }
  };
}
