import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFormatter } from '@lyftr/shared/runtime/readable';
import { createScreen } from './screen.js';

function capture(isTty: boolean, level = 'info') {
  const written: string[] = [];
  const screen = createScreen({ write: (text) => written.push(text), isTty, color: false, level });
  return { screen, written };
}

const LINE =
  '{"level":"info","time":"2026-11-24T07:05:10.300Z","service":"query","pid":7,"port":8001,"msg":"listening"}';

test('on a terminal an event is one line: time, level, service, message, fields', () => {
  const { screen, written } = capture(true);
  screen.childLine('query', LINE, 'stdout', 7);
  assert.match(written.join(''), /^\d\d:\d\d:10\.300 INFO: query {2}listening \{"port":8001\}\n$/);
});

test("a warning's error is its message, a crash keeps its stack", () => {
  const err = { type: 'Error', message: 'connect ECONNREFUSED', stack: 'Error: connect\n    at somewhere' };
  const record = { time: '2026-11-24T07:05:10.300Z', service: 'ingest', msg: 'Redis', err };
  const format = createFormatter(false);
  assert.match(
    format({ ...record, level: 'warn' }),
    /^.* WARN: ingest Redis \{"cause":"connect ECONNREFUSED"\}\n$/,
  );
  assert.match(format({ ...record, level: 'error' }), /at somewhere/);
});

test('elsewhere the lines of the services pass unchanged', () => {
  const { screen, written } = capture(false);
  screen.childLine('query', LINE, 'stdout', 7);
  assert.deepEqual(written, [`${LINE}\n`]);
});

test('a line that is no JSON becomes an event of its service', () => {
  const { screen, written } = capture(false);
  screen.childLine('writer', 'Segmentation fault', 'stderr', 7);
  screen.childLine('writer', '{ broken', 'stdout', 7);
  screen.childLine('writer', '  ', 'stderr', 7);
  const records = written.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    records.map(({ level, service, pid, msg }) => ({ level, service, pid, msg })),
    [
      { level: 'error', service: 'writer', pid: 7, msg: 'Segmentation fault' },
      { level: 'info', service: 'writer', pid: 7, msg: '{ broken' },
    ],
  );
});

test('free text is for terminals only', () => {
  const terminal = capture(true);
  terminal.screen.text('the secret');
  const file = capture(false);
  file.screen.text('the secret');
  assert.deepEqual([terminal.written, file.written], [['the secret'], []]);
});

test('LOG_LEVEL holds for our own events', () => {
  const { screen, written } = capture(false, 'warn');
  screen.event('info', 'ready');
  screen.event('error', 'wrong');
  assert.equal(written.length, 1);
});

test('colour is there only when asked for', () => {
  const record = JSON.parse(LINE) as Record<string, unknown>;
  const escape = String.fromCharCode(27);
  assert.ok(createFormatter(true)(record).includes(escape));
  assert.ok(!createFormatter(false)(record).includes(escape));
});
