/** The only code that writes messages. Each call is synchronous and is one fenced transaction. */
import { indexesOf, isTuple, type Batch, type ReadBatch, type StoreItem } from '@lyftr/shared/batch';
import { crashPoint } from '@lyftr/shared/runtime/crash';
import type { StoreAccount } from '@lyftr/shared/ledger';
import { COUNTERS, type Outcomes } from '@lyftr/shared/outcomes';
import { size } from '@lyftr/shared/ranges';
import type { Committed, WriteOff } from '../../store.js';
import { CARRIED, readFormat, REMOVED } from '../format.js';
import { readStoreAccount } from '../read/account.js';
import { createDeadLetters } from './dead-letters.js';
import { createDeliveries } from './deliveries.js';
import { raiseFence } from './fence.js';
import { createLedger } from './ledger.js';
import { createMessages, type CommitTotals } from './messages.js';
import { openDatabase } from './open.js';
import { createRollups } from './rollups.js';
import { createTextIndex, type TextIndex } from './text-index.js';

/** Like WriteStore, but synchronous and with the errors of SQLite. */
export interface Writer {
  readonly textIndex: TextIndex;
  commit(batches: readonly Batch[]): Committed;
  discard(deadLetterId: number): boolean;
  prune(beforeTs: number, rowsMax: number): number;
  lastPrune(): number | undefined;
  notePrune(seconds: number): void;
  outcomes(): Outcomes;
  account(producers: Iterable<string>): StoreAccount;
  writeOff(producers: Iterable<string>, decide: (account: StoreAccount) => WriteOff): void;
  release(producer: string): void;
  close(): void;
}

/** Opens the database. Writers that opened it before can no longer commit. `instance` names this writer. */
export function openWriter(file: string, instance: string): Writer {
  const database = openDatabase(file);
  const format = readFormat(database);
  const checkFence = raiseFence(database, instance);
  const ledger = createLedger(database);
  const account = (producers: Iterable<string>): StoreAccount =>
    readStoreAccount((sql, parameters) => database.prepare(sql).all(parameters), producers);
  const deadLetters = createDeadLetters(database);
  const messages = createMessages(database, deadLetters, format);
  const deliveries = createDeliveries(database, messages, deadLetters);
  const rollups = createRollups(database, format);
  const textIndex = createTextIndex(database, checkFence);

  const addToCounter = database.prepare<[number, string]>(
    'UPDATE counters SET value = value + ? WHERE name = ?',
  );
  const readCounter = database.prepare<[string], number>('SELECT value FROM counters WHERE name = ?').pluck();

  function storeItem(batch: ReadBatch, index: number, totals: CommitTotals): void {
    const item = batch.items[index] as StoreItem;
    if (isTuple(item)) messages.store(item, { batch, index, delivery: undefined }, totals);
    else deliveries.store(item, batch, index, totals);
  }

  function storeBatch(batch: Batch, totals: CommitTotals): void {
    const fresh = batch.numbers === undefined ? [] : ledger.note(batch.numbers);
    if (!('corrupt' in batch)) {
      if (batch.numbers === undefined) addToCounter.run(batch.items.length, CARRIED);
      for (const index of indexesOf(batch, fresh)) storeItem(batch, index, totals);
      return;
    }
    if (fresh.length === 0) return;
    deadLetters.add({
      kind: 'corrupt_envelope',
      reason: batch.reason,
      raw: batch.corrupt,
      receivedAt: Date.now(),
    });
    totals.aside.push({ kind: 'corrupt_envelope', requestId: undefined });
    totals.outcomes.dead_letter += size(fresh);
  }

  const commit = database.transaction((batches: readonly Batch[]): CommitTotals => {
    checkFence();
    const totals: CommitTotals = {
      outcomes: { created: 0, duplicate: 0, dead_letter: 0, conflicting_duplicate: 0, fanout: 0 },
      created: [],
      aside: [],
    };
    for (const batch of batches) storeBatch(batch, totals);
    rollups.add(totals.created);
    for (const name of COUNTERS) {
      if (totals.outcomes[name] > 0) addToCounter.run(totals.outcomes[name], name);
    }
    ledger.save();
    crashPoint('before-commit');
    return totals;
  });

  const discard = database.transaction((id: number): boolean => {
    checkFence();
    return deadLetters.discard(id);
  });

  const writeOff = database.transaction((...[producers, decide]: Parameters<Writer['writeOff']>): void => {
    checkFence();
    const { lost, unnamed } = decide(account(producers));
    ledger.writeOff(lost, unnamed);
  });

  const prune = database.transaction((beforeTs: number, rowsMax: number): number => {
    checkFence();
    const old = messages.readOld(beforeTs, rowsMax);
    if (old.length === 0) return 0;
    textIndex.remove(old);
    messages.remove(old);
    deliveries.release(old);
    rollups.remove(old);
    addToCounter.run(old.length, REMOVED);
    return old.length;
  });

  const readPrune = database.prepare<[], number>('SELECT seen_at FROM retention_clock').pluck();
  const writePrune = database.prepare<[number]>(
    'INSERT INTO retention_clock (id, seen_at) VALUES (1, ?) ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at',
  );
  const notePrune = database.transaction((seconds: number): void => {
    checkFence();
    writePrune.run(seconds);
  });

  function readOutcomes(): Outcomes {
    return Object.fromEntries(COUNTERS.map((name) => [name, readCounter.get(name)])) as Outcomes;
  }
  const totals = readOutcomes();
  return {
    textIndex,
    commit(batches) {
      const seqBefore = messages.lastSeq();
      try {
        const { outcomes, aside } = commit.immediate(batches);
        crashPoint('after-commit');
        for (const name of COUNTERS) totals[name] += outcomes[name];
        const settled = batches.flatMap(({ numbers }) => (numbers === undefined ? [] : [numbers]));
        return { outcomes, aside, settled };
      } catch (error) {
        messages.rewind(seqBefore);
        ledger.forget();
        rollups.forget();
        throw error;
      }
    },
    discard: (id) => discard.immediate(id),
    prune(beforeTs, rowsMax) {
      try {
        return prune.immediate(beforeTs, rowsMax);
      } catch (error) {
        rollups.forget();
        throw error;
      }
    },
    account: database.transaction(account),
    writeOff: (...order) => writeOff.immediate(...order),
    release: (producer) => ledger.release(producer),
    lastPrune: () => readPrune.get(),
    notePrune: (seconds) => notePrune.immediate(seconds),
    outcomes: () => ({ ...totals }),
    close: () => void database.close(),
  };
}
