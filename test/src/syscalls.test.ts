/**
 * The order of system calls: a 200 leaves after Redis's fsync, and a job after SQLite's. Killing processes cannot show
 * it, because the page cache survives them.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually, System } from './system.js';
import { isRead, isSync, isWrite, parseCall, record, traceFault, type Call } from './trace.js';

type Trace = Record<'redis' | 'ingest' | 'writer', Call[]>;

function find(what: string, calls: readonly Call[], matches: (call: Call) => boolean): Call {
  const call = calls.find(matches);
  if (call === undefined) throw new Error(`the trace lacks ${what}`);
  return call;
}

/** The first fsync of the file that was written, once the write was over. */
function syncOf(written: Call, calls: readonly Call[]): Call | undefined {
  return calls.find((call) => isSync(call) && call.fd === written.fd && call.startUs >= written.endUs);
}

/** `in order`, or what is wrong with the acknowledgement of message `id`. Throws when the trace does not show it. */
function checkAcknowledgement({ redis, ingest }: Trace, id: string): string {
  const holds = (call: Call): boolean => call.data.includes(id);
  const command = find('the job as Redis reads it', redis, (call) => isRead(call) && holds(call));
  const appended = find(
    'the write of the append-only file',
    redis,
    (call) => isWrite(call) && call.path.endsWith('.aof') && holds(call),
  );
  const reply = find(
    "Redis's reply",
    redis,
    (call) => isWrite(call) && call.fd === command.fd && call.startUs >= command.endUs,
  );
  const delivery = find('the delivery', ingest, (call) => isRead(call) && holds(call));
  const answer = find(
    'the 200',
    ingest,
    (call) =>
      isWrite(call) &&
      call.fd === delivery.fd &&
      call.startUs >= delivery.endUs &&
      call.data.includes('HTTP/1.1 200'),
  );
  const synced = syncOf(appended, redis);
  if (synced === undefined) return 'violated: the append-only file was not synced';
  if (reply.startUs < synced.endUs) return 'violated: Redis replied before the fsync was over';
  if (answer.startUs < synced.endUs) return 'violated: the 200 left before the fsync was over';
  return 'in order';
}

const isCompletion = (call: Call): boolean => isWrite(call) && call.data.includes(':deliveries:completed');

/** The same for the completion of the job that holds message `id`. */
function checkCompletion({ writer }: Trace, id: string): string {
  const holds = (call: Call): boolean => call.data.includes(id);
  const fetched = find('the job as the writer reads it', writer, (call) => isRead(call) && holds(call));
  // the row and the entries of its indexes are in several pages: the last one counts
  const frames = writer.filter((call) => isWrite(call) && call.path.endsWith('lyftr.db-wal') && holds(call));
  const written = frames.at(-1);
  if (written === undefined) throw new Error('the trace lacks the write of the WAL');
  const completion = find(
    'the completion of the job',
    writer,
    (call) => isCompletion(call) && call.startUs >= fetched.endUs,
  );
  const synced = syncOf(written, writer);
  if (synced === undefined) return 'violated: the WAL was not synced';
  if (completion.startUs < synced.endUs) return 'violated: the job was completed before the fsync was over';
  return 'in order';
}

const moved = (calls: readonly Call[], which: (call: Call) => boolean, startUs: number): Call[] =>
  calls.map((call) => (which(call) ? { ...call, startUs } : call));

test('lines of strace are read, and only those that are whole', () => {
  assert.deepEqual(
    parseCall(String.raw`12.000345 write(8<socket:[1>2]>, "+\"OK\"\r\n) = 3 <9.9>", 5) = 5 <1.000002>`),
    {
      name: 'write',
      fd: 8,
      path: 'socket:[1>2]',
      data: String.raw`, "+\"OK\"\r\n) = 3 <9.9>", 5`,
      result: 5,
      startUs: 12_000_345,
      endUs: 13_000_347,
    },
  );
  assert.equal(parseCall('12.000345 fdatasync(7</a b>) = -1 EIO (…) <0.000001>')?.result, -1);
  assert.equal(parseCall('12.000345 read(7</a>,  <detached ...>'), undefined);
  assert.equal(parseCall('12.000345 +++ exited with 0 +++'), undefined);
});

const fault = traceFault();
describe('the order of system calls', { skip: fault ?? false, timeout: 300_000 }, () => {
  let system: System;
  before(async () => {
    system = await System.start();
  });
  after(() => system.stop());

  /** Delivers one message, and waits until its job is gone. */
  async function deliver(id: string): Promise<void> {
    const body = { message_id: id, from: '100', to: '200', ts: 1_710_000_000, text: 'traced' };
    assert.equal((await system.post(JSON.stringify(body))).status, 200);
    await eventually('its job is gone', async () => {
      const jobs = await Promise.all(
        ['wait', 'active'].map((name) => system.redis.llen(`lyftr:deliveries:${name}`)),
      );
      const [[rows] = []] = system.rows(`SELECT count(*) FROM messages WHERE message_id = '${id}'`);
      return rows === 1 && jobs.every((count) => count === 0);
    });
  }

  let warmUps = 0;
  async function traced(id: string): Promise<Trace> {
    // the first use of a script carries its text, many times the size of what is looked at
    await deliver(`warm-up-${warmUps++}`);
    const pid = (name: string): number => system.process(name).child.pid as number;
    const pids = { redis: pid('redis'), ingest: pid('ingest'), writer: pid('writer') };
    return record(join(system.dir, `trace-${id}`), pids, () => deliver(id));
  }

  test('a 200 follows the fsync of the append-only file, a completion that of the WAL', async () => {
    const id = 'traced-in-order';
    const trace = await traced(id);
    assert.equal(checkAcknowledgement(trace, id), 'in order');
    assert.equal(checkCompletion(trace, id), 'in order');

    // the same calls, with one of them moved to the earliest moment at which it could have been made
    const delivery = find('the delivery', trace.ingest, (call) => isRead(call) && call.data.includes(id));
    const isAnswer = ({ data }: Call): boolean => data.includes('HTTP/1.1 200');
    const earlyAnswer = { ...trace, ingest: moved(trace.ingest, isAnswer, delivery.endUs) };
    assert.match(checkAcknowledgement(earlyAnswer, id), /^violated: the 200 left/);
    const fetched = find('the job', trace.writer, (call) => isRead(call) && call.data.includes(id));
    const earlyCompletion = { ...trace, writer: moved(trace.writer, isCompletion, fetched.endUs) };
    assert.match(checkCompletion(earlyCompletion, id), /^violated: the job was completed/);
  });

  test('a writer that commits without an fsync is found', async () => {
    await system.process('writer').stop();
    const preload = new URL('normal-sync.js', import.meta.url);
    await system.startService('writer', { NODE_OPTIONS: `--import ${preload.href}` });
    const trace = await traced('traced-normal');
    assert.equal(checkAcknowledgement(trace, 'traced-normal'), 'in order');
    assert.equal(checkCompletion(trace, 'traced-normal'), 'violated: the WAL was not synced');
  });

  test('a Redis that acknowledges without an fsync is found', async () => {
    await system.redis.config('SET', 'appendfsync', 'no');
    const trace = await traced('traced-no-fsync');
    assert.equal(
      checkAcknowledgement(trace, 'traced-no-fsync'),
      'violated: the append-only file was not synced',
    );
  });
});
