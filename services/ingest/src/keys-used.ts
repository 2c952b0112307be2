/** Tells through Redis when each key of a source was used last, so that an operator knows when one can be retired. */
import type { Enqueuer } from '@lyftr/queue/enqueue';
import { KEYS_USED_KEY, keyUsedField } from '@lyftr/shared/sources';

const WRITE_INTERVAL_MS = 1_000;

/** Several processes write, so the largest time wins. ARGV: a field and its time in turn. */
const KEEP_LARGEST = `
for i = 1, #ARGV, 2 do
  local old = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '')
  if old == nil or old < tonumber(ARGV[i + 1]) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end`;

export interface KeysUsed {
  /** `at` in epoch milliseconds. */
  note(source: string, key: string, at: number): void;
  /** Writes what is left. */
  stop(): Promise<void>;
}

export function createKeysUsed(redis: Enqueuer['redis']): KeysUsed {
  let noted = new Map<string, number>();
  const keep = (field: string, at: number): void => {
    if ((noted.get(field) ?? 0) < at) noted.set(field, at);
  };

  async function write(): Promise<void> {
    if (noted.size === 0 || redis.status !== 'ready') return;
    const writing = noted;
    noted = new Map();
    try {
      await redis.eval(KEEP_LARGEST, 1, KEYS_USED_KEY, ...[...writing].flat());
    } catch {
      // the enqueuer logs what Redis refuses; the next second writes again
      for (const [field, at] of writing) keep(field, at);
    }
  }

  const timer = setInterval(() => void write(), WRITE_INTERVAL_MS);
  return {
    note: (source, key, at) => keep(keyUsedField(source, key), at),
    async stop() {
      clearInterval(timer);
      await write();
    },
  };
}
