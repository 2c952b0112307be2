import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { QUEUE_NAME, QUEUE_PREFIX } from './options.js';

/** The queue for somebody who only looks. `redis` must be ready: a Queue that is made before hangs for ever. */
export function openWatchedQueue(redis: Redis): Queue {
  const queue = new Queue(QUEUE_NAME, {
    connection: redis,
    prefix: QUEUE_PREFIX,
    skipMetasUpdate: true,
    skipVersionCheck: true,
  });
  // Redis's comings and goings are told elsewhere; without a listener they would end the process
  queue.on('error', () => {});
  return queue;
}
