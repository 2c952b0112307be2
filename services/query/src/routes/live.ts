/**
 * `GET /live`: server-sent events, one `sample` a second. One sampler serves all listeners, and stops while there are
 * none. The first event is `history`, with the samples of the last minutes in which there were listeners.
 */
import type { RequestHandler, Response } from 'express';
import { ProblemError } from '@lyftr/shared/errors';
import type { Logger } from '@lyftr/shared/runtime/log';
import { rateLimited } from '@lyftr/shared/runtime/log';
import type { Sample } from '@lyftr/shared/sample';

const INTERVAL_MS = 1_000;
const HISTORY_MAX = 300;
/** Less than the 64 connections that ingest keeps to query, so that other requests have connections too. */
const LISTENERS_MAX = 32;
/** A listener that reads nothing for this long is disconnected. */
const STUCK_MS = 30_000;
/** After this time the stream ends. The client connects again, and its access is checked again. */
const STREAM_MS_MAX = 60 * 60 * 1_000;
const RECONNECT_MS = 2_000;

export interface Live {
  handler: RequestHandler;
  listeners(): number;
  /** Ends all streams and refuses new ones. */
  close(): void;
}

export interface LiveOptions {
  sampler: { read(): Promise<Sample> };
  log: Logger;
  intervalMs?: number;
}

interface Listener {
  res: Response;
  since: number;
  drainedAt: number;
}

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

export function createLive({ sampler, log, intervalMs = INTERVAL_MS }: LiveOptions): Live {
  const listeners = new Set<Listener>();
  let history: Sample[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isSampling = false;
  let isClosed = false;
  const logFailure = rateLimited(10_000, (suppressed, err: unknown) => {
    log.error({ err, suppressed }, 'the sample of the system failed');
  });

  function send(listener: Listener, text: string): void {
    const { res } = listener;
    const now = performance.now();
    if (!res.writableNeedDrain) listener.drainedAt = now;
    if (now - listener.drainedAt > STUCK_MS) res.destroy();
    else if (now - listener.since > STREAM_MS_MAX) res.end();
    // a slow listener misses samples, so that nothing accumulates here
    else if (!res.writableNeedDrain) res.write(text);
  }
  const sendAll = (text: string): void => {
    for (const listener of listeners) send(listener, text);
  };

  async function tick(): Promise<void> {
    if (isSampling) {
      // an SSE comment keeps the connection alive while Redis is slow
      sendAll(':\n\n');
      return;
    }
    isSampling = true;
    try {
      const sample = await sampler.read();
      if (timer === undefined) return;
      history.push(sample);
      if (history.length > HISTORY_MAX) history.shift();
      sendAll(event('sample', sample));
    } catch (error) {
      logFailure(error);
      sendAll(':\n\n');
    } finally {
      isSampling = false;
    }
  }

  function add(listener: Listener): void {
    listeners.add(listener);
    if (timer !== undefined) return;
    timer = setInterval(() => void tick(), intervalMs);
    void tick();
  }

  function remove(listener: Listener): void {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
    history = [];
  }

  return {
    listeners: () => listeners.size,
    handler(req, res) {
      if (isClosed || listeners.size >= LISTENERS_MAX)
        throw new ProblemError(
          'not-ready',
          'Too many clients are connected to /live, or this process is shutting down.',
          {
            retryAfterSeconds: 5,
          },
        );
      res.set({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        // otherwise nginx would buffer events
        'x-accel-buffering': 'no',
      });
      if (req.method === 'HEAD') {
        res.end();
        return;
      }
      const now = performance.now();
      const listener = { res, since: now, drainedAt: now };
      res.on('error', () => {});
      res.once('close', () => remove(listener));
      res.write(`retry: ${RECONNECT_MS}\n${event('history', history)}`);
      add(listener);
    },
    close() {
      isClosed = true;
      for (const { res } of listeners) res.end();
    },
  };
}
