import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { endApp } from '@lyftr/shared/runtime/app';
import { createLogger } from '@lyftr/shared/runtime/log';
import { createLive, type Live } from './live.js';
import type { Sample } from '@lyftr/shared/sample';

const INTERVAL_MS = 20;

let reads = 0;
let read: () => Promise<Sample>;
let live: Live;
let server: Server;

beforeEach(async () => {
  reads = 0;
  read = () => Promise.resolve({ at: ++reads } as Sample);
  const log = createLogger('query', 'silent');
  live = createLive({ sampler: { read: () => read() }, log, intervalMs: INTERVAL_MS });
  const app = express();
  app.get('/live', live.handler);
  endApp(app, log);
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  live.close();
  server.closeAllConnections();
  server.close();
});

async function listen(): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  const [res] = (await once(get({ host: '127.0.0.1', port, path: '/live' }), 'response')) as [
    IncomingMessage,
  ];
  return res.setEncoding('utf8');
}

/** Reads until `pattern` is there. */
async function until(res: IncomingMessage, pattern: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of res.iterator({ destroyOnReturn: false })) {
    text += chunk as string;
    if (pattern.test(text)) break;
  }
  assert.match(text, pattern);
  return text;
}

test('one sampler serves all, a later listener gets what it missed, and nobody costs nothing', async () => {
  await sleep(5 * INTERVAL_MS);
  assert.equal(reads, 0);
  const first = await listen();
  assert.match(first.headers['content-type'] ?? '', /^text\/event-stream/);
  assert.equal(first.headers['x-accel-buffering'], 'no');
  assert.match(
    await until(first, /"at":3/),
    /^retry: 2000\nevent: history\ndata: \[\]\n\nevent: sample\ndata: {"at":1}\n\n/,
  );
  const second = await listen();
  assert.match(await until(second, /event: sample/), /event: history\ndata: \[{"at":1},{"at":2},{"at":3}/);
  assert.equal(live.listeners(), 2);
  first.destroy();
  second.destroy();
  while (live.listeners() > 0) await sleep(1);
  const before = reads;
  await sleep(5 * INTERVAL_MS);
  assert.equal(reads, before);
  assert.match(await until(await listen(), /event: sample/), /history\ndata: \[\]/);
});

test('while a look takes long, and after one that failed, a comment keeps the connection alive', async () => {
  let resolve: (sample: Sample) => void = () => {};
  const promise = new Promise<Sample>((settle) => (resolve = settle));
  read = () => {
    reads++;
    return promise;
  };
  const res = await listen();
  await until(res, /\n:\n\n:\n\n/);
  assert.equal(reads, 1);
  read = () => Promise.reject(new Error('for this test'));
  resolve({ at: 7 } as Sample);
  await until(res, /{"at":7}\n\n:\n\n/);
});

test('more than 32 have to come later, and closing ends every stream', async () => {
  const streams = await Promise.all(Array.from({ length: 32 }, listen));
  const late = await listen();
  assert.equal(late.statusCode, 503);
  assert.equal(late.headers['retry-after'], '5');
  const ends = streams.map((res) => once(res.resume(), 'end'));
  live.close();
  await Promise.all(ends);
  assert.equal((await listen()).statusCode, 503);
});
