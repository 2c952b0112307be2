/** The ledger as Redis and the database have it. */
import type { Redis } from 'ioredis';
import { balance, type LedgerAnswer, type RedisAccount } from '@lyftr/shared/ledger';
import { readRedisAccount } from '@lyftr/queue/account';
import type { ReadStore, Stored } from '@lyftr/store/store';

/** A producer that nobody has listed yet may settle its first batch between the two readings. */
const TRIES = 3;

export interface LedgerReading extends Stored {
  /** Undefined when Redis does not answer. */
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
