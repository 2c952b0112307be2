import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.js';
import type { Random } from './random.js';

/** One kind of trouble. `inject` resolves when it is over: whatever it changed is as it was, or the process is gone. */
export interface Fault {
  name: string;
  /** Needs a tool or a privilege of this machine. */
  isSpecial?: boolean;
  inject(scene: Scene): Promise<void>;
}

/** A fault that this machine cannot do, and why. */
export interface Skipped {
  name: string;
  reason: string;
}

export interface Scene {
  cluster: Cluster;
  random: Random;
  /** Waits between `minMs` and `maxMs`, shortened to what the run allows one fault. */
  hold: (minMs: number, maxMs: number) => Promise<void>;
}

export function createScene(cluster: Cluster, random: Random, faultMsMax: number): Scene {
  return {
    cluster,
    random,
    hold: (minMs, maxMs) => delay(random.between(Math.min(minMs, faultMsMax), Math.min(maxMs, faultMsMax))),
  };
}
