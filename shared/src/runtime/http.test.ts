import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { closeServer, createStrictServer, listen } from './http.js';

const REQUESTS = 2_000;

test('requests that wait for their answers are not looked at again for each that comes', async (t) => {
  const waiting: ServerResponse[] = [];
  let looks = 0;
  const server = createStrictServer((req, res) => {
    Object.defineProperty(req, 'complete', {
      get() {
        looks++;
        return true;
      },
      // node:http sets it
      set() {},
    });
    waiting.push(res);
    if (waiting.length === REQUESTS) for (const each of waiting) each.end();
  });
  const port = await listen(server, 0, '127.0.0.1');
  t.after(() => closeServer(server));
  const socket = connect(port, '127.0.0.1');
  let answers = 0;
  socket.on('data', (chunk) => (answers += String(chunk).split('HTTP/1.1 200').length - 1));
  const last = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(REQUESTS - 1) + last);
  await once(socket, 'close');
  assert.ok(answers > 0);
  assert.equal(waiting.length, REQUESTS);
  assert.ok(looks < 10 * REQUESTS, `${looks} looks at ${REQUESTS} requests`);
});
