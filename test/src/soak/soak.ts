/** Load, faults, silence, verdict. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from './cluster.js';
import { createScene, type Fault, type Scene, type Skipped } from './fault.js';
import { createClock } from './fault-clock.js';
import { diskFaults } from './fault-disk.js';
import { NETWORK_FAULTS } from './fault-network.js';
import { PROCESS_FAULTS } from './fault-processes.js';
import { createGateway, type Traffic } from './gateway.js';
import { openJournal, readJournal } from './journal.js';
import { createRandom, type Random } from './random.js';
import { writeSoakSources } from './sources.js';
import { judge, type Check } from './verdict.js';

/** Sequences of faults at the same time: some trouble comes on top of other trouble. */
const LANES = 2;
const PAUSE_MS_MAX = 1_500;
const SEND_OUT_MS = 60_000;
const DRAIN_MS = 120_000;

export interface SoakOptions {
  /** How long faults are injected, at least: every kind comes once, however long that takes. */
  seconds: number;
  seed: number;
  /** Requests a second; some carry more than one message. */
  rate: number;
  /** Bound of one fault. */
  faultMsMax: number;
  /** With the faults that need a tool of this machine. */
  withSpecial: boolean;
  /** Told of each fault as it begins, and of each phase. */
  say: (line: string) => void;
}

export interface SoakReport {
  ok: boolean;
  seed: number;
  /** From the first request to the verdict. */
  durationMs: number;
  /** From the end of the faults until nothing waited. */
  drainMs: number;
  /** Messages a second that got their 200 while faults were injected, outages included. */
  acknowledgedPerSecond: number;
  faults: Map<string, number>;
  skipped: Skipped[];
  restarts: number;
  /** Messages in transactions that the database refused, tried again later: locked, full, or a disk with errors. */
  refusedByDatabase: number;
  traffic: Traffic;
  checks: Check[];
  /** Where journal and data were kept; only when something is wrong. */
  kept: string | undefined;
}

/** Deals the faults like cards: in a new order each time, each kind as often as any other. */
function createDeck(faults: readonly Fault[], random: Random) {
  let cards: Fault[] = [];
  let dealt = 0;
  return {
    draw(): Fault {
      if (cards.length === 0) cards = random.shuffled(faults);
      dealt++;
      return cards.pop() as Fault;
    },
    get dealtAll(): boolean {
      return dealt >= faults.length;
    },
  };
}

async function injectFaults(faults: readonly Fault[], scene: Scene, options: SoakOptions) {
  const counts = new Map<string, number>(faults.map(({ name }) => [name, 0]));
  const deck = createDeck(faults, scene.random);
  const startedAt = performance.now();
  const elapsedMs = (): number => performance.now() - startedAt;
  async function lane(): Promise<void> {
    while (!deck.dealtAll || elapsedMs() < options.seconds * 1_000) {
      const fault = deck.draw();
      options.say(`${(elapsedMs() / 1_000).toFixed(1).padStart(7)} s  ${fault.name}`);
      await fault.inject(scene);
      counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
      await delay(scene.random.between(0, Math.min(PAUSE_MS_MAX, options.faultMsMax)));
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane));
  return { counts, seconds: elapsedMs() / 1_000 };
}

/** Keeps what a person needs who looks for the cause. */
function keepEvidence(dir: string, cluster: Cluster): void {
  cpSync(cluster.system.env['DATA_DIR'] as string, join(dir, 'data'), { recursive: true });
}

/** Runs the whole of it. Throws when the harness itself fails: a fault that does not heal, a queue that does not drain. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { seed, rate, say } = options;
  const random = createRandom(seed);
  const dir = mkdtempSync(join(tmpdir(), 'lyftr-soak-'));
  const disk = diskFaults();
  const clock = createClock(dir);
  const skipped = [...disk.skipped, ...clock.skipped];
  const faults = [...PROCESS_FAULTS, ...NETWORK_FAULTS, ...disk.faults, ...clock.faults].filter(
    ({ isSpecial }) => options.withSpecial || isSpecial !== true,
  );
  const journalFile = join(dir, 'journal');
  const cluster = await Cluster.start({
    ...writeSoakSources(dir),
    ...(options.withSpecial ? clock.env : {}),
  });
  const sendOut = new AbortController();
  let kept: string | undefined = dir;
  try {
    const startedAt = performance.now();
    const journal = await openJournal(journalFile);
    const gateway = createGateway(cluster.system.origin, rate, journal, random);
    cluster.supervise();
    const sending = gateway.run(sendOut.signal);
    const scene = createScene(cluster, random, options.faultMsMax);
    const { counts, seconds } = await injectFaults(faults, scene, options);
    const acknowledgedPerSecond = Math.round(gateway.traffic.acknowledged / seconds);

    say('faults end');
    const calmAt = performance.now();
    gateway.finish();
    const deadline = setTimeout(() => sendOut.abort(), SEND_OUT_MS);
    await sending;
    clearTimeout(deadline);
    await journal.close();
    await cluster.drained(DRAIN_MS);
    const drainMs = performance.now() - calmAt;
    say('everything is sent and drained');

    const refusedByDatabase = await cluster.system.metric('db_write_total{result="error"}');
    const checks = await judge(cluster.system, await readJournal(journalFile));
    const ok = checks.every((check) => check.ok);
    if (ok) kept = undefined;
    else keepEvidence(dir, cluster);
    const durationMs = performance.now() - startedAt;
    const { traffic } = gateway;
    const { restarts } = cluster;
    return {
      ok,
      seed,
      durationMs,
      drainMs,
      acknowledgedPerSecond,
      faults: counts,
      skipped,
      restarts,
      refusedByDatabase,
      traffic,
      checks,
      kept,
    };
  } finally {
    sendOut.abort();
    await cluster.stop();
    if (kept === undefined) rmSync(dir, { recursive: true, force: true });
  }
}
