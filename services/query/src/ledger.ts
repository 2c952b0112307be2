/** The ledger as both stores have it, and what else the database says of itself. */
import type { Redis } from 'ioredis';
import { DEAD_LETTER_KINDS } from '@lyftr/shared/database';
import { balance, type LedgerAnswer, type RedisAccount, type StoreAccount } from '@lyftr/shared/ledger';
import { readRedisAccount } from '@lyftr/shared/ledger-redis';
import { readStoreAccount } from '@lyftr/shared/ledger-store';
import type { DeadLettersWaiting } from '@lyftr/shared/sample';
import type { Reader, Store } from './store.js';

/** A producer that nobody has listed yet may settle its first batch between the two readings. */
const TRIES = 3;

export interface Stored {
  account: StoreAccount;
  indexLagMessages: number;
  deadLetters: DeadLettersWaiting;
}

export interface LedgerReading extends Stored {
  /** Undefined when Redis does not answer. */
  ledger: LedgerAnswer | undefined;
}

export function readStored(reader: Reader, producers: Iterable<string>): Stored {
  const { lag } = reader.get(
    'SELECT coalesce((SELECT max(seq) FROM messages), 0) - (SELECT watermark FROM text_index) AS lag',
  ) as { lag: number };
  const letters = reader.all('SELECT kind, count(*) AS n FROM dead_letters GROUP BY kind') as {
    kind: string;
    n: number;
  }[];
  const lettersOf = (wanted: string): number => letters.find(({ kind }) => kind === wanted)?.n ?? 0;
  return {
    account: readStoreAccount((sql, parameters) => reader.all(sql, parameters), producers),
    indexLagMessages: Math.max(0, lag),
    deadLetters: Object.fromEntries(
      DEAD_LETTER_KINDS.map((kind) => [kind, lettersOf(kind)]),
    ) as DeadLettersWaiting,
  };
}

/** Rejects when the database cannot be read. */
export async function readLedger(redis: Redis, store: Store): Promise<LedgerReading> {
  for (let left = TRIES; ; left--) {
    const account: RedisAccount | undefined = await readRedisAccount(redis).catch(() => undefined);
    const stored = store.read((reader) => readStored(reader, account?.producers.keys() ?? []));
    if (account === undefined) return { ...stored, ledger: undefined };
    const ledger = balance(account, stored.account);
    if (ledger.difference === 0 || left === 1) return { ...stored, ledger };
  }
}
