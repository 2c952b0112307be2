/**
 * `GET /live`: server-sent events, one `sample` a second. One sampler serves everybody who listens and rests while
 * nobody does. The first event is `history`: the samples of the last minutes, for as long as somebody was listening.
 */
import type { RequestHandler, Response } from 'express';
import { ProblemError } from '@lyftr/shared/errors';
import type { Logger } from '@lyftr/shared/runtime/log';
import { rateLimited } from '@lyftr/shared/runtime/log';
import type { Sample } from '@lyftr/shared/sample';

const INTERVAL_MS = 1_000;
const HISTORY_MAX = 300;
/** Below the 64 connections that ingest keeps to query: streams must leave room for everything else. */
const LISTENERS_MAX = 32;
/** A reader that takes nothing for so long is gone, whatever its connection says. */
const STUCK_MS = 30_000;
/** Then it connects again, and whether it may is asked again. */
const STREAM_MS_MAX = 60 * 60 * 1_000;
const RECONNECT_MS = 2_000;

export interface Live {
  handler: RequestHandler;
  listeners(): number;
  /** Ends every stream, and those that still come. */
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
    log.error({ err, suppressed }, 'the system cannot be looked at');
  });

  function send(listener: Listener, text: string): void {
    const { res } = listener;
    const now = performance.now();
    if (!res.writableNeedDrain) listener.drainedAt = now;
    if (now - listener.drainedAt > STUCK_MS) res.destroy();
    else if (now - listener.since > STREAM_MS_MAX) res.end();
    // who cannot follow misses samples, and nothing piles up here
    else if (!res.writableNeedDrain) res.write(text);
  }
  const sendAll = (text: string): void => {
    for (const listener of listeners) send(listener, text);
  };

  async function tick(): Promise<void> {
    if (isSampling) {
      // a comment: the connection is alive, Redis is slow
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
        throw new ProblemError('not-ready', 'Too many are watching, or this process is ending.', {
          retryAfterSeconds: 5,
        });
      res.set({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        // nginx would gather events until a buffer is full
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
