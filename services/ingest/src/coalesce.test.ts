import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { ProblemError } from '@lyftr/shared/errors';
import type { MessageTuple, QueueItem, Trace } from '@lyftr/shared/batch';
import { JOB_BYTES_MAX, JOB_MESSAGES_MAX, PENDING_BYTES_MAX } from '@lyftr/shared/limits';
import { createCoalescer } from './coalesce.js';

const tuple = (id: string): MessageTuple => [id, 'a', 'b', 1, ''];

const idOf = (item: QueueItem): string => (Array.isArray(item) ? item[0] : item.id);

/** A queue whose acknowledgements the test gives out. */
function manualQueue() {
  const jobs: { ids: string[]; acknowledge(): void; fail(error: unknown): void }[] = [];
  const enqueue = (items: QueueItem[]) =>
    new Promise<void>((resolve, reject) => {
      jobs.push({ ids: items.map(idOf), acknowledge: resolve, fail: reject });
    });
  return { jobs, enqueue };
}

function offer(coalescer: ReturnType<typeof createCoalescer>, ids: string[], bytes = 100) {
  const answers: unknown[] = [];
  coalescer.offer({
    items: ids.map(tuple),
    requestId: undefined,
    bytes,
    done: (error) => answers.push(error),
  });
  return answers;
}

test('the first delivery goes at once; those that come meanwhile share the next job', async () => {
  const { jobs, enqueue } = manualQueue();
  const coalescer = createCoalescer(enqueue);
  const first = offer(coalescer, ['1']);
  const second = offer(coalescer, ['2']);
  const third = offer(coalescer, ['3']);
  assert.deepEqual(
    jobs.map((job) => job.ids),
    [['1']],
  );
  assert.deepEqual(first, []);
  jobs[0]?.acknowledge();
  await tick();
  assert.deepEqual(first, [undefined]);
  assert.deepEqual(jobs[1]?.ids, ['2', '3']);
  assert.deepEqual([second, third], [[], []]);
  jobs[1]?.acknowledge();
  await coalescer.idle();
  assert.deepEqual([second, third], [[undefined], [undefined]]);
});

test('nobody is answered before the acknowledgement, and each exactly once', async () => {
  const { jobs, enqueue } = manualQueue();
  const coalescer = createCoalescer(enqueue);
  const answers = Array.from({ length: 50 }, (_, i) => offer(coalescer, [String(i)]));
  await tick();
  assert.ok(answers.every((answer) => answer.length === 0));
  jobs[0]?.acknowledge();
  await tick();
  jobs[1]?.acknowledge();
  await coalescer.idle();
  assert.ok(answers.every((answer) => answer.length === 1 && answer[0] === undefined));
});

test('a failed job fails what gathered behind it too, and the next delivery starts afresh', async () => {
  const { jobs, enqueue } = manualQueue();
  const coalescer = createCoalescer(enqueue);
  const first = offer(coalescer, ['1']);
  const behind = offer(coalescer, ['2']);
  const cause = new Error('away');
  jobs[0]?.fail(cause);
  await coalescer.idle();
  assert.deepEqual([first, behind], [[cause], [cause]]);
  const later = offer(coalescer, ['3']);
  jobs[1]?.acknowledge();
  await coalescer.idle();
  assert.deepEqual(later, [undefined]);
});

test('a job is bounded in messages and bytes; one delivery is never split', async () => {
  const { jobs, enqueue } = manualQueue();
  const coalescer = createCoalescer(enqueue);
  const ids = (count: number) => Array.from({ length: count }, (_, i) => `m${i}`);
  offer(coalescer, ['first']);
  offer(coalescer, ids(JOB_MESSAGES_MAX - 1));
  offer(coalescer, ids(2));
  offer(coalescer, ids(JOB_MESSAGES_MAX * 3));
  offer(coalescer, ['a'], JOB_BYTES_MAX);
  offer(coalescer, ['b'], 1);
  const sizes = [];
  for (let i = 0; i < 6; i++) {
    sizes.push(jobs[i]?.ids.length);
    jobs[i]?.acknowledge();
    await tick();
  }
  assert.deepEqual(sizes, [1, JOB_MESSAGES_MAX - 1, 2, JOB_MESSAGES_MAX * 3, 1, 1]);
});

test('refuses what it has no room for, and has room again when Redis has answered', async () => {
  const { jobs, enqueue } = manualQueue();
  const coalescer = createCoalescer(enqueue);
  offer(coalescer, ['1'], PENDING_BYTES_MAX);
  assert.throws(
    () => offer(coalescer, ['2'], 1),
    (error) => error instanceof ProblemError && error.code === 'queue-unavailable',
  );
  jobs[0]?.acknowledge();
  await coalescer.idle();
  offer(coalescer, ['3'], 1);
  assert.deepEqual(jobs[1]?.ids, ['3']);
});

test('a job says which messages are of the deliveries whose senders gave ids, and nothing of the others', async () => {
  const traces: (Trace[] | undefined)[] = [];
  const coalescer = createCoalescer((_messages, trace) => {
    traces.push(trace);
    return Promise.resolve();
  });
  const deliver = (ids: string[], requestId?: string) =>
    coalescer.offer({ items: ids.map(tuple), requestId, bytes: 1, done: () => {} });
  deliver(['1']);
  deliver(['2', '3'], 'two');
  deliver(['4']);
  deliver(['5'], 'one');
  await coalescer.idle();
  assert.deepEqual(traces, [
    undefined,
    [
      ['two', 0, 2],
      ['one', 3, 1],
    ],
  ]);
});
