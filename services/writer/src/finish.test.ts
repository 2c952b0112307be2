/** Producers that finish leave Redis, and no figure of the ledger changes by it: whatever dies, and whatever comes back. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import type { Envelope } from '@lyftr/shared/job';
import {
  ACCEPTED_KEY,
  ACKNOWLEDGED_KEY,
  FINISHED,
  FINISHED_KEY,
  SETTLED_KEY,
  SNAPSHOTS_KEY,
} from '@lyftr/shared/metrics';
import { createFinisher, type Finisher } from './finish.js';
import { LEASE_KEY } from './lease.js';
import { openStore, type Store } from './store.js';
import { startRedis, type TestRedis } from './testing.js';

const HOUR_MS = 3_600_000;
const HASHES = [ACCEPTED_KEY, SETTLED_KEY, ACKNOWLEDGED_KEY] as const;

let server: TestRedis;
let redis: Redis;
before(async () => {
  server = await startRedis();
  ({ redis } = server);
});
beforeEach(() => redis.flushall());
after(() => server.stop());

/** Fails at the script that takes over into Redis, before or after Redis has run it: where a writer may be killed. */
function dying(when: 'before' | 'after'): Redis {
  return new Proxy(redis, {
    get(target, name) {
      if (name !== 'eval') {
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
      }
      return async (...command: Parameters<Redis['eval']>) => {
        const takesOver = String(command[0]).includes('growth');
        if (takesOver && when === 'before') throw new Error('killed');
        const reply = await target.eval(...command);
        if (takesOver) throw new Error('killed');
        return reply;
      };
    },
  });
}

interface Life {
  accepted: number;
  seq: number;
  /** As it was published last. */
  published: number;
}

/** A system of which only the writer's part is real, and what its ledger has to say. */
class Scene {
  readonly directory = mkdtempSync(join(tmpdir(), 'lyftr-finish-'));
  readonly file = join(this.directory, 'lyftr.db');
  store: Store;
  finisher: Finisher;
  nowMs = 0;
  lives = new Map<string, Life>();
  queue: Envelope[] = [];
  /** Everything that was ever in the queue. */
  readonly jobs: Envelope[] = [];
  /** Producer → messages settled. */
  readonly settled = new Map<string, number>();
  readonly done = new Set<Envelope>();
  private writers = 0;

  constructor() {
    this.store = openStore(this.file, 'w0');
    this.finisher = createFinisher(redis, this.store, 'w0');
  }

  async startWriter(): Promise<void> {
    this.store.close();
    const instance = `w${++this.writers}`;
    await redis.set(LEASE_KEY, instance);
    this.store = openStore(this.file, instance);
    this.finisher = createFinisher(redis, this.store, instance);
  }

  life(producer: string): Life {
    const life = this.lives.get(producer) ?? { accepted: 0, seq: 0, published: 0 };
    this.lives.set(producer, life);
    return life;
  }

  accept(producer: string, count: number): void {
    const life = this.life(producer);
    const seq = ++life.seq;
    life.accepted += count;
    const messages = Array.from({ length: count }, (_, i): Envelope['messages'][number] => [
      `${producer}-${seq}-${i}`,
      'a',
      'b',
      1,
      'text',
    ]);
    const job: Envelope = { v: 1, producer, seq, at: 0, messages };
    this.queue.push(job);
    this.jobs.push(job);
  }

  async publish(producer: string, stopped: boolean): Promise<void> {
    const life = this.life(producer);
    life.published = life.accepted;
    const ranges = life.seq === 0 ? [] : [[1, life.seq]];
    await redis
      .multi()
      .hset(SNAPSHOTS_KEY, producer, JSON.stringify({ at: this.nowMs, stopped, metrics: [] }))
      .hset(ACCEPTED_KEY, producer, life.accepted)
      .hset(ACKNOWLEDGED_KEY, producer, JSON.stringify(ranges))
      .exec();
  }

  /** Commits jobs, those among them that were committed before. */
  settle(jobs: readonly Envelope[]): void {
    this.store.commit(jobs);
    for (const job of jobs) {
      if (this.done.has(job)) continue;
      this.done.add(job);
      this.settled.set(job.producer, (this.settled.get(job.producer) ?? 0) + job.messages.length);
    }
  }

  async publishSettled(): Promise<void> {
    for (const { producer, settled } of this.store.settled())
      await redis.hset(SETTLED_KEY, producer, settled);
  }

  copyDatabase(): void {
    this.store.close();
    copyFileSync(this.file, `${this.file}.copy`);
  }

  /** `settled` is what it was at the copy. */
  async restoreDatabase(settled: ReadonlyMap<string, number>): Promise<void> {
    this.store.close();
    for (const suffix of ['-wal', '-shm']) rmSync(`${this.file}${suffix}`, { force: true });
    copyFileSync(`${this.file}.copy`, this.file);
    await this.startWriter();
    this.settled.clear();
    for (const [producer, count] of settled) this.settled.set(producer, count);
  }

  /** A look that ends with the writer. */
  async dieLooking(when: 'before' | 'after'): Promise<void> {
    const dead = createFinisher(dying(when), this.store, `w${this.writers}`);
    await assert.rejects(dead.look(this.nowMs), /killed/);
  }

  /** What the query service makes of both stores, Redis first. */
  async waiting(): Promise<number> {
    const accepted = await redis.hgetall(ACCEPTED_KEY);
    const finished = this.store.finished().settled;
    let waiting = Math.max(0, Number(accepted[FINISHED] ?? 0) - finished);
    for (const [producer, count] of Object.entries(accepted)) {
      if (producer === FINISHED) continue;
      waiting += Math.max(0, Number(count) - (this.settled.get(producer) ?? 0));
    }
    return waiting;
  }

  /** The same if nobody had ever left Redis. */
  expected(): number {
    return [...this.lives].reduce(
      (sum, [producer, { published }]) => sum + Math.max(0, published - (this.settled.get(producer) ?? 0)),
      0,
    );
  }

  /** Asserts that the figures are right, as query sees them and as ingest does. */
  async check(): Promise<void> {
    assert.equal(await this.waiting(), this.expected());
    const { created } = this.store.outcomes();
    const settled = [...this.settled.values()].reduce((sum, count) => sum + count, 0);
    assert.equal(created, settled);
  }

  close(): void {
    this.store.close();
    rmSync(this.directory, { recursive: true });
  }
}

type Step = { do: string; producer: string; count: number };

const STORING = ['accept', 'accept', 'publish', 'publish', 'stop', 'settle', 'settle', 'publish settled'];
const LOOKING = ['look', 'look', 'die before', 'die after', 'restart', 'an hour', 'again', 'copy', 'restore'];
const steps = fc.array(
  fc.record<Step>({
    do: fc.constantFrom(...STORING, ...LOOKING),
    producer: fc.constantFrom('p', 'q', 'r'),
    count: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 5, maxLength: 40 },
);

interface Copy {
  hashes: Record<string, string>[];
  finished: string | null;
  queue: Envelope[];
  published: Map<string, number>;
}

async function copyRedis({ queue, lives }: Scene): Promise<Copy> {
  return {
    hashes: await Promise.all(HASHES.map((hash) => redis.hgetall(hash))),
    finished: await redis.get(FINISHED_KEY),
    queue: [...queue],
    published: new Map(Array.from(lives, ([producer, { published }]) => [producer, published])),
  };
}

async function restoreRedis(scene: Scene, { hashes, finished, queue, published }: Copy): Promise<void> {
  await redis.del(...HASHES, FINISHED_KEY);
  for (const [i, hash] of HASHES.entries()) {
    const fields = hashes[i] ?? {};
    if (Object.keys(fields).length > 0) await redis.hset(hash, fields);
  }
  if (finished !== null) await redis.set(FINISHED_KEY, finished);
  scene.queue = [...queue];
  for (const [producer, life] of scene.lives) life.published = published.get(producer) ?? 0;
}

async function take(scene: Scene, step: Step, copies: Copy[]): Promise<void> {
  const { producer, count } = step;
  if (step.do === 'accept') scene.accept(producer, count);
  else if (step.do === 'publish') await scene.publish(producer, false);
  else if (step.do === 'stop') await scene.publish(producer, true);
  else if (step.do === 'settle') scene.settle(scene.queue.splice(0, count));
  else if (step.do === 'publish settled') await scene.publishSettled();
  else if (step.do === 'look') await scene.finisher.look(scene.nowMs);
  else if (step.do === 'die before' || step.do === 'die after') {
    await scene.dieLooking(step.do === 'die before' ? 'before' : 'after');
    await scene.check();
    await scene.startWriter();
  } else if (step.do === 'restart') await scene.startWriter();
  else if (step.do === 'an hour') scene.nowMs += HOUR_MS;
  else if (step.do === 'again') scene.settle(scene.jobs.filter((job) => scene.done.has(job)).slice(0, count));
  else if (step.do === 'copy') copies.push(await copyRedis(scene));
  else {
    const copy = copies[0];
    if (copy !== undefined) await restoreRedis(scene, copy);
  }
}

test('no figure changes, whoever is killed between the steps, comes back, or comes again', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      await redis.flushall();
      const scene = new Scene();
      try {
        await scene.startWriter();
        const copies: Copy[] = [];
        for (const step of taken) {
          await take(scene, step, copies);
          await scene.check();
        }
        // in the end everything is settled, and nobody is left but the sum
        scene.settle(scene.jobs);
        for (const producer of scene.lives.keys()) await scene.publish(producer, true);
        await scene.publishSettled();
        await scene.finisher.look(scene.nowMs);
        await scene.check();
        const total = [...scene.settled.values()].reduce((sum, count) => sum + count, 0);
        const sums = total === 0 ? {} : { [FINISHED]: String(total) };
        assert.deepEqual(await redis.hgetall(ACCEPTED_KEY), sums);
        assert.deepEqual(await redis.hgetall(SETTLED_KEY), sums);
        assert.deepEqual(await redis.hgetall(ACKNOWLEDGED_KEY), {});
      } finally {
        scene.close();
      }
    }),
    { numRuns: 60 },
  );
});

/** A system in which `p` has stopped with 3 messages, of which the first `settled` batches are stored. */
async function stoppedWith(settled: number): Promise<Scene> {
  const scene = new Scene();
  await scene.startWriter();
  for (let i = 0; i < 3; i++) scene.accept('p', 1);
  scene.settle(scene.queue.splice(0, settled));
  await scene.publish('p', true);
  return scene;
}

const listed = () => redis.hkeys(ACCEPTED_KEY);

test('a producer that stopped stays until its last batch is settled', async () => {
  const scene = await stoppedWith(2);
  try {
    assert.equal(await scene.finisher.look(0), 0);
    assert.deepEqual(await listed(), ['p']);
    scene.settle(scene.queue);
    assert.equal(await scene.finisher.look(0), 1);
    assert.deepEqual(await listed(), [FINISHED]);
  } finally {
    scene.close();
  }
});

test('one whose batch is missing stays, even if as many messages are settled', async () => {
  const scene = await stoppedWith(2);
  try {
    // an add that was refused, and happened all the same
    scene.settle([{ v: 1, producer: 'p', seq: 9, at: 0, messages: [['x', 'a', 'b', 1, 'text']] }]);
    assert.equal(await scene.finisher.look(0), 0);
    assert.deepEqual(await listed(), ['p']);
  } finally {
    scene.close();
  }
});

test('one that accepted more than is settled stays, even if no batch is missing', async () => {
  const scene = await stoppedWith(3);
  try {
    // a process with many failed adds forgets its oldest batches
    await redis.hset(ACCEPTED_KEY, 'p', 4);
    assert.equal(await scene.finisher.look(0), 0);
    assert.deepEqual(await listed(), ['p']);
  } finally {
    scene.close();
  }
});

test('one that did not say that it stopped stays for an hour of silence', async () => {
  const scene = new Scene();
  try {
    await scene.startWriter();
    await scene.publish('p', false);
    assert.equal(await scene.finisher.look(0), 0);
    scene.nowMs = HOUR_MS / 2;
    await scene.publish('p', false);
    assert.equal(await scene.finisher.look(HOUR_MS), 0);
    assert.equal(await scene.finisher.look(2 * HOUR_MS - 1), 0);
    // query has folded its snapshot meanwhile, which is no sign of life, and none of death either
    await redis.hdel(SNAPSHOTS_KEY, 'p');
    assert.equal(await scene.finisher.look(2 * HOUR_MS), 0);
    assert.equal(await scene.finisher.look(3 * HOUR_MS), 1);
  } finally {
    scene.close();
  }
});

test('one that publishes while it is summed up stays listed, and is not counted twice', async () => {
  const scene = await stoppedWith(3);
  try {
    const meanwhile = new Proxy(scene.store, {
      get(target, name) {
        if (name !== 'finish') return Reflect.get(target, name) as unknown;
        return (...claims: Parameters<Store['finish']>) => {
          const finished = target.finish(...claims);
          scene.accept('p', 5);
          // on the same connection, so in front of the script
          void scene.publish('p', false);
          return finished;
        };
      },
    });
    assert.equal(await createFinisher(redis, meanwhile, 'w1').look(0), 0);
    await scene.check();
    assert.equal(scene.expected(), 5);
    scene.settle(scene.queue);
    await scene.publish('p', true);
    assert.equal(await scene.finisher.look(0), 1);
    assert.equal(await redis.hget(ACCEPTED_KEY, FINISHED), '8');
  } finally {
    scene.close();
  }
});

test('what finished and is gone from a restored database goes on being missed, to the message', async () => {
  const deed = fc.record({
    do: fc.constantFrom('work', 'work', 'work', 'look', 'copy', 'restore', 'die before', 'die after'),
    count: fc.integer({ min: 1, max: 4 }),
    settled: fc.integer({ min: 0, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { minLength: 4, maxLength: 25 }), async (deeds) => {
      await redis.flushall();
      const scene = new Scene();
      try {
        await scene.startWriter();
        let copied: Map<string, number> | undefined;
        for (const [i, { do: what, count, settled }] of deeds.entries()) {
          if (what === 'work') {
            // each is a life of its own; of some, the last batches wait in the queue
            for (let seq = 0; seq < 3; seq++) scene.accept(`p${i}`, count);
            scene.settle(scene.queue.splice(0, settled));
            await scene.publish(`p${i}`, true);
          } else if (what === 'look') await scene.finisher.look(0);
          else if (what === 'copy') {
            scene.copyDatabase();
            copied = new Map(scene.settled);
            await scene.startWriter();
          } else if (what === 'restore') {
            if (copied === undefined) continue;
            await scene.restoreDatabase(copied);
            await scene.finisher.look(0);
          } else {
            await scene.dieLooking(what === 'die before' ? 'before' : 'after');
            await scene.startWriter();
            await scene.finisher.look(0);
          }
          assert.equal(await scene.waiting(), scene.expected());
        }
      } finally {
        scene.close();
      }
    }),
    { numRuns: 60 },
  );
});

test('a writer that has lost the lease changes nothing', async () => {
  const scene = await stoppedWith(3);
  try {
    await redis.set(LEASE_KEY, 'another');
    assert.equal(await scene.finisher.look(0), 0);
    assert.deepEqual(await listed(), ['p']);
  } finally {
    scene.close();
  }
});

test('more producers than one step takes leave in one look, and no figure is read of those that left', async () => {
  const scene = new Scene();
  try {
    await scene.startWriter();
    for (let i = 0; i < 450; i++) {
      scene.accept(`p${i}`, 1);
      await scene.publish(`p${i}`, true);
    }
    scene.settle(scene.queue);
    assert.equal(await scene.finisher.look(0), 450);
    assert.deepEqual(await listed(), [FINISHED]);
    assert.equal(await redis.hget(ACCEPTED_KEY, FINISHED), '450');
    assert.deepEqual(scene.store.settled(), []);
  } finally {
    scene.close();
  }
});
