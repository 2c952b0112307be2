/** Reads the ledger from Redis and the database. */
import type { Redis } from 'ioredis';
import { balance, type LedgerAnswer, type RedisAccount } from '@lyftr/shared/ledger';
import { readRedisAccount } from '@lyftr/queue/account';
import type { ReadStore, Stored } from '@lyftr/store/store';

/** A new producer may settle its first batch between the two readings, so we may have to read again. */
const TRIES = 3;

export interface LedgerReading extends Stored {
  /** Undefined when Redis is not responding. */
  ledger: LedgerAnswer | undefined;
}

/** Rejects when the database cannot be read. */
export async function readLedger(redis: Redis, store: ReadStore): Promise<LedgerReading> {
  for (let left = TRIES; ; left--) {
    const account: RedisAccount | undefined = await readRedisAccount(redis).catch(() => undefined);
    const stored = await store.stored(account?.producers.keys() ?? []);
    if (account === undefined) return { ...stored, ledger: undefined };
    const ledger = balance(account, stored.account);
    if (ledger.difference === 0 || left === 1) return { ...stored, ledger };
  }
}
