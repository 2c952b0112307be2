/** Between a service and Redis: latency, lost replies, half-closed and refused connections; and Redis without memory. */
import { eventually } from '../system.js';
import type { Fault, Scene } from './fault.js';
import type { RedisProxy } from './proxy.js';

/** What Redis may still use while it is "full": less than a batch. */
const MEMORY_LEFT_BYTES = 16 * 1_024;
const HEAL_TIMEOUT_MS = 30_000;

/** One service's link, or every link at once. */
function links({ cluster, random }: Scene): RedisProxy[] {
  const all = [...cluster.proxies.values()];
  const one = random.pick([...all, undefined]);
  return one === undefined ? all : [one];
}

const memoryLimit = (scene: Scene, bytes: number): Promise<unknown> =>
  eventually(
    'Redis takes a memory limit',
    () => scene.cluster.system.redis.config('SET', 'maxmemory', String(bytes)),
    HEAL_TIMEOUT_MS,
  );

export const NETWORK_FAULTS: Fault[] = [
  {
    name: 'delay Redis',
    async inject(scene) {
      const slow = links(scene);
      for (const link of slow) link.delay(scene.random.between(5, 400));
      await scene.hold(500, 5_000);
      for (const link of slow) link.delay(0);
    },
  },
  {
    name: 'cut before the reply',
    async inject(scene) {
      const cut = links(scene);
      for (const link of cut) link.cut(scene.random.between(1, 5));
      await scene.hold(500, 3_000);
      for (const link of cut) link.cut(0);
    },
  },
  {
    name: 'half-close',
    async inject(scene) {
      const side = scene.random.pick(['client', 'redis'] as const);
      for (const link of links(scene)) link.halfClose(side);
      await scene.hold(100, 500);
    },
  },
  {
    name: 'refuse connections to Redis',
    async inject(scene) {
      const refusing = links(scene);
      for (const link of refusing) link.refuse();
      await scene.hold(300, 6_000);
      await Promise.all(refusing.map((link) => link.accept()));
    },
  },
  {
    name: 'Redis at maxmemory',
    async inject(scene) {
      const info = await eventually(
        'Redis answers',
        () => scene.cluster.system.redis.info('memory'),
        HEAL_TIMEOUT_MS,
      );
      const used = Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
      await memoryLimit(scene, used + MEMORY_LEFT_BYTES);
      await scene.hold(1_000, 5_000);
      await memoryLimit(scene, 0);
    },
  },
];
