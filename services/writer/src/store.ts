/** The only code that writes messages. One call of `commit` is one transaction. */
import { crashPoint } from '@lyftr/shared/crash';
import { CARRIED, REMOVED } from '@lyftr/shared/database';
import type { StoreAccount } from '@lyftr/shared/ledger';
import { readStoreAccount } from '@lyftr/shared/ledger-store';
import { size, type Range } from '@lyftr/shared/ranges';
import { COUNTERS, indexesOf, type Batch, type Outcomes, type PutAside } from './batch.js';
import { createDeadLetters } from './dead-letters.js';
import { raiseFence } from './fence.js';
import { createLedger } from './ledger.js';
import { createMessages, type Tally } from './messages.js';
import { openDatabase } from './open.js';
import type { LastLook } from './retention.js';
import { createRollups } from './rollups.js';
import { createTextIndex, type TextIndex } from './text-index.js';

export interface Store {
  readonly textIndex: TextIndex;
  /**
   * Stores every batch, or throws and stores none: FencedError when another writer has taken over, else what the disk
   * or the database threw; never a message's fault. A message that cannot be stored for its own sake goes to `dead_letters` in the same transaction;
   * behind the commit `putAside` is told of each.
   */
  commit(batches: readonly Batch[], putAside?: (aside: PutAside) => void): Outcomes;
  /** Removes a dead letter. Returns false when there is none of that number. */
  discard(deadLetterId: number): boolean;
  /** Removes up to `rowsMax` messages with `ts` before `beforeTs`, the oldest first; returns how many. */
  removeOld(beforeTs: number, rowsMax: number): number;
  /** When retention looked last. */
  readonly lastLook: LastLook;
  /** Totals of all time, as of the last commit. */
  outcomes(): Outcomes;
  /** The ledger's rows, of these producers. */
  account(producers: Iterable<string>): StoreAccount;
  /** Writes off what `decide` makes of the account of `producers`, in one transaction with reading it. */
  writeOff(producers: Iterable<string>, decide: (account: StoreAccount) => WriteOff): void;
  /** Drops the memory of a producer that is not expected to come again. */
  release(producer: string): void;
  close(): void;
}

export interface WriteOff {
  lost: readonly { producer: string; ranges: readonly Range[] }[];
  /** Messages of which no number is known. */
  unnamed: number;
}

/** From here on no other writer that had opened the file before can commit. `instance` names this one. */
export function openStore(file: string, instance: string): Store {
  const database = openDatabase(file);
  const checkFence = raiseFence(database, instance);
  const ledger = createLedger(database);
  const account = (producers: Iterable<string>): StoreAccount =>
    readStoreAccount((sql, parameters) => database.prepare(sql).all(parameters), producers);
  const deadLetters = createDeadLetters(database);
  const messages = createMessages(database, deadLetters);
  const rollups = createRollups(database);
  const textIndex = createTextIndex(database, checkFence);

  const addToCounter = database.prepare<[number, string]>(
    'UPDATE counters SET value = value + ? WHERE name = ?',
  );
  const readCounter = database.prepare<[string], number>('SELECT value FROM counters WHERE name = ?').pluck();
  function storeBatch(batch: Batch, tally: Tally): void {
    const fresh = batch.numbers === undefined ? [] : ledger.note(batch.numbers);
    if (!('corrupt' in batch)) {
      if (batch.numbers === undefined) addToCounter.run(batch.messages.length, CARRIED);
      for (const index of indexesOf(batch, fresh)) messages.store(batch, index, tally);
      return;
    }
    if (fresh.length === 0) return;
    deadLetters.add({
      kind: 'corrupt_envelope',
      reason: batch.reason,
      raw: batch.corrupt,
      receivedAt: Date.now(),
    });
    tally.aside.push({ kind: 'corrupt_envelope', requestId: undefined });
    tally.outcomes.dead_letter += size(fresh);
  }

  const commit = database.transaction((batches: readonly Batch[]): Tally => {
    checkFence();
    const tally: Tally = {
      outcomes: { created: 0, duplicate: 0, dead_letter: 0, conflicting_duplicate: 0 },
      created: [],
      aside: [],
    };
    for (const batch of batches) storeBatch(batch, tally);
    rollups.add(tally.created);
    for (const name of COUNTERS) {
      if (tally.outcomes[name] > 0) addToCounter.run(tally.outcomes[name], name);
    }
    ledger.save();
    crashPoint('before-commit');
    return tally;
  });

  const discard = database.transaction((id: number): boolean => {
    checkFence();
    return deadLetters.discard(id);
  });

  const writeOff = database.transaction((...[producers, decide]: Parameters<Store['writeOff']>): void => {
    checkFence();
    const { lost, unnamed } = decide(account(producers));
    ledger.writeOff(lost, unnamed);
  });

  const removeOld = database.transaction((beforeTs: number, rowsMax: number): number => {
    checkFence();
    const old = messages.readOld(beforeTs, rowsMax);
    if (old.length === 0) return 0;
    textIndex.remove(old);
    messages.remove(old);
    rollups.remove(old);
    addToCounter.run(old.length, REMOVED);
    return old.length;
  });

  const readLook = database.prepare<[], number>('SELECT seen_at FROM retention_clock').pluck();
  const writeLook = database.prepare<[number]>(
    'INSERT INTO retention_clock (id, seen_at) VALUES (1, ?) ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at',
  );
  const noteLook = database.transaction((seconds: number): void => {
    checkFence();
    writeLook.run(seconds);
  });

  function readOutcomes(): Outcomes {
    return Object.fromEntries(COUNTERS.map((name) => [name, readCounter.get(name)])) as Outcomes;
  }
  const totals = readOutcomes();
  return {
    textIndex,
    commit(batches, putAside) {
      const seqBefore = messages.lastSeq();
      try {
        const { outcomes, aside } = commit.immediate(batches);
        crashPoint('after-commit');
        for (const name of COUNTERS) totals[name] += outcomes[name];
        if (putAside !== undefined) aside.forEach(putAside);
        return outcomes;
      } catch (error) {
        messages.rewind(seqBefore);
        ledger.forget();
        rollups.forget();
        throw error;
      }
    },
    discard: (id) => discard.immediate(id),
    removeOld(beforeTs, rowsMax) {
      try {
        return removeOld.immediate(beforeTs, rowsMax);
      } catch (error) {
        rollups.forget();
        throw error;
      }
    },
    account: database.transaction(account),
    writeOff: (...order) => writeOff.immediate(...order),
    release: (producer) => ledger.release(producer),
    lastLook: { read: () => readLook.get(), write: (seconds) => noteLook.immediate(seconds) },
    outcomes: () => ({ ...totals }),
    close: () => void database.close(),
  };
}
