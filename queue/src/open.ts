import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { QUEUE_NAME, QUEUE_PREFIX } from './options.js';

/** Opens the queue for reading. `redis` must be ready: a Queue that is created before that never works. */
export function openWatchedQueue(redis: Redis): Queue {
  const queue = new Queue(QUEUE_NAME, {
    connection: redis,
    prefix: QUEUE_PREFIX,
    skipMetasUpdate: true,
    skipVersionCheck: true,
  });
  // other code reports lost connections; without a listener they would end the process
  queue.on('error', () => {});
  return queue;
}
