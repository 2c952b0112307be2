/** For tests: an ingest server without Redis, and raw connections to it. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { QueueItem, SourceDelivery } from '@lyftr/shared/batch';
import { closeServer, listen } from '@lyftr/shared/runtime/http';
import { createLogger } from '@lyftr/shared/runtime/log';
import type { Reject } from '@lyftr/shared/sources';
import { builtInSigner, builtInSource } from '@lyftr/sources/open';
import type { Source } from '@lyftr/sources/source';
import { Registry } from 'prom-client';
import { createIngestServer, type IngestAppOptions } from './app.js';
import { createUnverified } from './body.js';
import { createCoalescer } from './coalesce.js';
import { installFastPath } from './fast-path.js';
import type { Intake } from './intake.js';
import { createIntakeMetrics } from './observe.js';
import { createRejects } from './rejects.js';

const SECRET = 'secret';
export const BYTES_MAX = 2_000;

type Intakes = ReadonlyMap<string, Intake<string>>;

export interface TestIngestOptions extends Partial<IngestAppOptions> {
  /** Without it every connection is node:http's. */
  withFastPath?: boolean;
  /** Puts something else in place of the intakes that the fast path is given. */
  makeIntakes?: (intakes: Intakes) => Intakes;
  /** More senders than the built-in one. `reload` takes over what has changed in it. */
  senders?: Source[];
}

export async function startIngest({
  withFastPath = true,
  makeIntakes = (intakes) => intakes,
  senders = [],
  ...changes
}: TestIngestOptions = {}) {
  const log = createLogger('test', 'silent');
  /** Ids of the messages and deliveries that were acknowledged, in order. */
  const taken: string[] = [];
  const items: QueueItem[] = [];
  const rejected: Reject[] = [];
  const registry = new Registry();
  let acknowledge: Promise<void> = Promise.resolve();
  const coalescer = createCoalescer(async (job) => {
    await acknowledge;
    items.push(...job);
    taken.push(...job.map((item) => (Array.isArray(item) ? item[0] : item.id)));
  });
  const options = {
    builtIn: builtInSource(SECRET, undefined),
    full: () => undefined,
    coalescer,
    metrics: createIntakeMetrics(registry, log),
    sources: () => ({
      byName: new Map(senders.map((source) => [source.name, source])),
      retireAfterHours: 72,
      loadedAt: 0,
    }),
    rejects: createRejects({ sources: () => senders, write: (reject) => void rejected.push(reject) }),
    keysUsed: { note() {}, stop: () => Promise.resolve() },
    bytesMax: BYTES_MAX,
    unverified: createUnverified(1024 * 1024),
    redisState: () => Promise.resolve('ok'),
    forward: undefined,
    registry,
    token: undefined,
    log,
    ...changes,
  };
  const { server, routes } = createIngestServer(options);
  const fastPath = withFastPath
    ? installFastPath(server, { ...options, intakes: makeIntakes(routes.intakes) })
    : undefined;
  const port = await listen(server, 0, '127.0.0.1');
  return {
    server,
    port,
    origin: `http://127.0.0.1:${port}`,
    taken,
    /** The deliveries of sources that were acknowledged, in order. */
    deliveries: () => items.filter((item): item is SourceDelivery => !Array.isArray(item)),
    rejected,
    registry,
    reload: () => routes.reload(),
    coalescer,
    /** Nothing is acknowledged until the function that it returns is called. */
    holdAcknowledgements(): () => void {
      let release = (): void => {};
      acknowledge = new Promise((resolve) => (release = resolve));
      return () => {
        acknowledge = Promise.resolve();
        release();
      };
    },
    close: () => closeServer(server, () => fastPath?.closeIdle()),
  };
}

const sign = builtInSigner(SECRET);

export const headerLines = (headers: Record<string, string>): string[] =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}`);

export const bodyOf = (id: string, extra: object = {}): string =>
  JSON.stringify({ message_id: id, from: 'a', to: 'b', ts: 1, ...extra });

export function requestOf(body: string, headers: string[] = [], line = 'POST /webhook HTTP/1.1'): string {
  const all = ['Host: x', 'Content-Type: application/json', ...headerLines(sign({ body }))];
  return `${[line, ...all, `Content-Length: ${Buffer.byteLength(body)}`, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

/** Writes the pieces one after another, half-closes, and returns all that was answered until the server closed. */
export async function exchange(port: number, pieces: (Buffer | string)[], pauseMs = 3): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.on('close', resolve));
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await delay(pauseMs);
    socket.write(piece);
  }
  socket.end();
  await closed;
  return received;
}

const GENERATED = /^[0-9a-f]{10}-[0-9a-z]+$/;

/** Status, content type, body, given id, and whether the connection ends: what a sender acts on. */
export function answersIn(received: string): string[] {
  const answers = [];
  let rest = received.replaceAll('HTTP/1.1 100 Continue\r\n\r\n', '');
  for (;;) {
    const head = /^HTTP\/1\.1 (\d+) [^]*?\r\n\r\n/.exec(rest);
    if (head === null) return rest === '' ? answers : [...answers, `rest ${rest}`];
    const length = Number(/content-length: (\d+)/i.exec(head[0])?.[1] ?? 0);
    const type = /content-type: ([^\r]*)/i.exec(head[0])?.[1];
    const ends = /\r\nconnection: close\r\n/i.test(head[0]) ? ' and ends' : '';
    const ids = [...head[0].matchAll(/^x-request-id: ([^\r]*)/gim)].map(([, id]) => id as string);
    assert.equal(ids.length, 1, head[0]);
    const id = GENERATED.test(ids[0] as string) ? '' : ` ${ids[0]}`;
    answers.push(`${head[1]} ${type} ${rest.slice(head[0].length, head[0].length + length)}${id}${ends}`);
    rest = rest.slice(head[0].length + length);
  }
}

export const OK = '200 application/json {"status":"ok"}';
