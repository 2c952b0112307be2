/** The only code that writes messages. One call of `commit` is one transaction. */
import { crashPoint } from '@lyftr/shared/crash';
import { REMOVED } from '@lyftr/shared/database';
import { FINISHED } from '@lyftr/shared/metrics';
import type { Batches } from '@lyftr/shared/missing';
import { createAccount, type Claim, type Lost } from './account.js';
import { COUNTERS, type Batch, type Outcomes, type PutAside } from './batch.js';
import { createDeadLetters } from './dead-letters.js';
import { raiseFence } from './fence.js';
import { createLedger } from './ledger.js';
import { createMessages, type Tally } from './messages.js';
import { openDatabase } from './open.js';
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
  /** Totals of all time, as of the last commit. */
  outcomes(): Outcomes;
  /** Sums up those of `claims` that are settled to the last batch, and returns them; they are published no more. */
  finish(claims: readonly Claim[]): Claim[];
  /** Sums up everybody but these and those of which it has stored something since it was opened. */
  finishOthers(producers: readonly string[]): void;
  /** Messages that all who finished have settled; and the same with what of it was written off. */
  finished(): { sum: number; settled: number };
  /** Gives up what of `claims` is lost, unless `demand` throws, and returns it. `queued` are the batches in the queue. */
  writeOff(claims: readonly Claim[], queued: Batches, demand: (lost: readonly Lost[]) => void): Lost[];
  /** Has `settled` name these producers too, beside those of which it has stored something since. */
  publish(producers: readonly string[]): void;
  /** Messages settled or written off, by producer; also of a store that is closed. */
  settled(): { producer: string; settled: number }[];
  close(): void;
}

/** From here on no other writer that had opened the file before can commit. `instance` names this one. */
export function openStore(file: string, instance: string): Store {
  const database = openDatabase(file);
  const checkFence = raiseFence(database, instance);
  const ledger = createLedger(database);
  const account = createAccount(database);
  const deadLetters = createDeadLetters(database);
  const messages = createMessages(database, deadLetters);
  const rollups = createRollups(database);
  const textIndex = createTextIndex(database, checkFence);

  const addToCounter = database.prepare<[number, string]>(
    'UPDATE counters SET value = value + ? WHERE name = ?',
  );
  const readCounter = database.prepare<[string], number>('SELECT value FROM counters WHERE name = ?').pluck();
  function storeBatch(batch: Batch, tally: Tally): void {
    if ('corrupt' in batch) {
      deadLetters.add({
        kind: 'corrupt_envelope',
        reason: batch.reason,
        raw: batch.corrupt,
        receivedAt: Date.now(),
      });
      tally.aside.push({ kind: 'corrupt_envelope', requestId: undefined });
      tally.outcomes.dead_letter++;
      return;
    }
    if (!ledger.note(batch.producer, batch.seq, batch.messages.length)) return;
    account.arrived(batch.producer, batch.seq, batch.messages.length);
    for (let index = 0; index < batch.messages.length; index++) messages.store(batch, index, tally);
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

  const finish = database.transaction((claims: readonly Claim[]): Claim[] => {
    checkFence();
    return account.finish(claims);
  });

  const finishOthers = database.transaction((producers: readonly string[]): void => {
    checkFence();
    account.finishOthers(producers);
  });

  const writeOff = database.transaction(
    (...[claims, queued, demand]: Parameters<Store['writeOff']>): Lost[] => {
      checkFence();
      const lost = account.lost(claims, queued);
      demand(lost);
      account.writeOff(lost);
      return lost;
    },
  );

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

  function readOutcomes(): Outcomes {
    return Object.fromEntries(COUNTERS.map((name) => [name, readCounter.get(name)])) as Outcomes;
  }
  const totals = readOutcomes();
  // asked for each second, and once more when the database is closed already
  const published = new Set<string>();
  let settled: { producer: string; settled: number }[] = [];
  let isSettledOld = true;
  const readSettledOnce = (): typeof settled => {
    if (isSettledOld) settled = account.settledOf(published);
    isSettledOld = false;
    return settled;
  };

  return {
    textIndex,
    commit(batches, putAside) {
      const seqBefore = messages.lastSeq();
      try {
        const { outcomes, aside } = commit.immediate(batches);
        for (const batch of batches) if (!('corrupt' in batch)) published.add(batch.producer);
        isSettledOld = true;
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
    finish(claims) {
      const finished = finish.immediate(claims);
      for (const { producer } of finished) {
        published.delete(producer);
        ledger.release(producer);
      }
      isSettledOld = true;
      return finished;
    },
    finishOthers: (producers) => finishOthers.immediate([...producers, ...published]),
    finished: () => account.finished(),
    writeOff(...order) {
      isSettledOld = true;
      return writeOff.immediate(...order);
    },
    publish(producers) {
      for (const producer of producers) if (producer !== FINISHED) published.add(producer);
      isSettledOld = true;
    },
    outcomes: () => ({ ...totals }),
    settled: readSettledOnce,
    close() {
      readSettledOnce();
      database.close();
    },
  };
}
