/** The WriteStore of this engine. */
import { setTimeout as delay } from 'node:timers/promises';
import { ProblemError } from '@lyftr/shared/errors';
import { FencedError, UnavailableError, type WriteStore } from '../../store.js';
import { openWriter, type Writer } from './writer.js';

const LOCKED_RETRY_MS = 250;

/**
 * Tries until no other process holds the write lock. A writer that was paused inside a transaction holds it until it
 * continues or is killed, so there is no time limit.
 */
async function openUnlocked(file: string, instance: string): Promise<Writer> {
  for (;;) {
    try {
      return openWriter(file, instance);
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
      await delay(LOCKED_RETRY_MS);
    }
  }
}

/**
 * Runs a synchronous call of SQLite. Converts its errors to those of the interface. A ProblemError comes from the
 * caller and is passed on.
 */
function call<T>(work: () => T): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    const isNamed = error instanceof FencedError || error instanceof ProblemError;
    return Promise.reject(isNamed ? error : new UnavailableError(error));
  }
}

export async function openSqliteWriteStore(file: string, instance: string): Promise<WriteStore> {
  const writer = await openUnlocked(file, instance);
  const { textIndex } = writer;
  return {
    commit: (batches) => call(() => writer.commit(batches)),
    outcomes: () => call(() => writer.outcomes()),
    discard: (id) => call(() => writer.discard(id)),
    prune: (beforeTs, messagesMax) => call(() => writer.prune(beforeTs, messagesMax)),
    lastPrune: () => call(() => writer.lastPrune()),
    notePrune: (seconds) => call(() => writer.notePrune(seconds)),
    indexStep: (messagesMax) => call(() => textIndex.advance(messagesMax)),
    indexLag: () => call(() => textIndex.lag()),
    account: (producers) => call(() => writer.account(producers)),
    writeOff: (producers, decide) => call(() => writer.writeOff(producers, decide)),
    release: (producer) => writer.release(producer),
    close: () => call(() => writer.close()),
  };
}
