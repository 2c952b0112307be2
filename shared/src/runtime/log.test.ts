import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger, rateLimited } from './log.js';

test('an error is logged without what a client library hangs on it', () => {
  const lines: string[] = [];
  const log = createLogger('test', 'info', { write: (line) => lines.push(line) });
  const error = Object.assign(new Error('OOM'), {
    code: 'EOOM',
    command: { name: 'evalsha', args: ['private text'] },
  });
  log.warn({ err: error }, 'Redis error');
  const line = JSON.parse(lines[0] ?? '') as { err: Record<string, unknown>; level: string; service: string };
  assert.deepEqual(
    [line.level, line.service, line.err['message'], line.err['code']],
    ['warn', 'test', 'OOM', 'EOOM'],
  );
  assert.doesNotMatch(lines[0] ?? '', /private text/);
});

test('of many calls in a window one passes, and the rest are counted', () => {
  const written: [number, string][] = [];
  const write = rateLimited(60_000, (suppressed, what: string) => written.push([suppressed, what]));
  for (let i = 0; i < 5; i++) write(`call ${i}`);
  assert.deepEqual(written, [[0, 'call 0']]);
});
