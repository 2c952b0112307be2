/** A clock that jumps, forwards or back: libfaketime between the services and the system's clock. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../system.js';
import type { Fault, Skipped } from './fault.js';

const JUMPS = 'clock of the services jumps';
const JUMP_SECONDS_MAX = 86_400;
const LEASE_KEY = 'lyftr:writer:lease';

export interface Clock {
  /** For the services; empty where their clock cannot jump. */
  env: Environment;
  faults: Fault[];
  skipped: Skipped[];
}

/** The library for programs with threads, where Debian and others put it. */
function findLibrary(): string | undefined {
  for (const folder of [
    '/usr/lib',
    '/usr/lib64',
    '/usr/local/lib',
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib/aarch64-linux-gnu',
  ]) {
    try {
      const found = readdirSync(join(folder, 'faketime')).find((name) => name.startsWith('libfaketimeMT.so'));
      if (found !== undefined) return join(folder, 'faketime', found);
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

function setClock(file: string, offsetSeconds: number): void {
  writeFileSync(file, `${offsetSeconds < 0 ? '' : '+'}${offsetSeconds}\n`);
}

/** `dir` is where the clock's offset is kept. */
export function createClock(dir: string): Clock {
  // what a jump of Redis's own clock does to us: libfaketime and Redis's allocator do not go together
  const lease: Fault = {
    name: 'lease runs out early',
    async inject({ cluster, hold }) {
      await cluster.system.redis.del(LEASE_KEY).catch(() => {});
      await hold(1_000, 3_000);
    },
  };
  const library = findLibrary();
  if (library === undefined) {
    const reason = 'libfaketime is not on this machine (Debian: faketime)';
    return { env: {}, faults: [lease], skipped: [{ name: JUMPS, reason }] };
  }
  const file = join(dir, 'clock');
  setClock(file, 0);
  const jump: Fault = {
    name: JUMPS,
    isSpecial: true,
    async inject({ random, hold }) {
      setClock(file, Math.round(random.between(-JUMP_SECONDS_MAX, JUMP_SECONDS_MAX)));
      await hold(3_000, 10_000);
      // back again, which is a jump as well
      setClock(file, 0);
      await hold(1_500, 1_500);
    },
  };
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      // seconds until a changed offset is noticed
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    faults: [lease, jump],
    skipped: [],
  };
}
