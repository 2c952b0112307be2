/**
 * Sends the batches of an import through the intake. Waits while the system is busy, and reports each message that it
 * refuses.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AnswerError, UnreachableError, type Client } from '@lyftr/shared/client/client';
import type { Entry } from './import-read.js';

/** An entry that can be sent. */
export type Sendable = Entry & { body: Buffer };

export interface DelivererOptions {
  client: Client;
  onAcknowledged: (count: number) => void;
  onRefused: (entry: Entry, reason: string) => void;
  /** Called once for each batch that has to wait. */
  onWait: (reason: string) => void;
}

/** The import stops when a batch was not accepted for this long. */
const PATIENCE_MS = 5 * 60_000;
const RETRY_DEFAULT_MS = 1_000;
/** Responses that concern the messages. Sending the same bytes again would not help. */
const ABOUT_THE_BODY = new Set([400, 413, 422]);
const BODY_TOO_LARGE = 413;

const NEWLINE = Buffer.from('\n');

/** How long to wait before the next try. Undefined when a retry cannot help. */
function retryAfterMs(error: unknown): number | undefined {
  if (error instanceof UnreachableError) return RETRY_DEFAULT_MS;
  if (!(error instanceof AnswerError)) return undefined;
  const { status, retryAfterSeconds } = error;
  if (status < 500 && status !== 408 && status !== 429) return undefined;
  return retryAfterSeconds === undefined ? RETRY_DEFAULT_MS : retryAfterSeconds * 1_000;
}

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
 * Delivers a batch. Resolves when each of its messages is acknowledged or refused. Rejects when no message can be
 * accepted (a wrong secret, or a system that does not come back).
 */
export function createDeliverer(options: DelivererOptions): (batch: readonly Sendable[]) => Promise<void> {
  const { client, onAcknowledged, onRefused, onWait } = options;

  async function post(batch: readonly Sendable[]): Promise<void> {
    const body = Buffer.concat(batch.flatMap((entry) => [entry.body, NEWLINE]));
    const startedAt = performance.now();
    for (let tries = 1; ; tries++) {
      try {
        await client.post('/webhook/batch', body, 'application/x-ndjson');
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
    if (batch.length === 0) return;
    try {
      await post(batch);
      onAcknowledged(batch.length);
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
      const [first] = batch;
      if (batch.length === 1 && first !== undefined) {
        onRefused(first, reasonOf(error));
        return;
      }
      const half = Math.ceil(batch.length / 2);
      await deliver(batch.slice(0, half));
      await deliver(batch.slice(half));
    }
  };
}
