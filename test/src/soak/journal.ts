/**
 * What the sender knows, on disk: a line `s <number>` for each sending of a message, a line `a <number>` for each 200.
 * The verdict is read from this file, not from the memory of the harness.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** Lines are on disk this long after they were written, or as soon as the disk lets them. */
const SYNC_MS = 50;

export interface Journal {
  sent(message: number): void;
  acknowledged(message: number): void;
  /** Resolves when every line is on disk. Rejects when one could not be written. */
  close(): Promise<void>;
}

export async function openJournal(file: string): Promise<Journal> {
  const handle = await open(file, 'ax', 0o600);
  let lines: string[] = [];
  let failure: { error: unknown } | undefined;
  let writing: Promise<void> | undefined;

  async function flush(): Promise<void> {
    if (lines.length === 0) return;
    const text = lines.join('');
    lines = [];
    await handle.appendFile(text);
    await handle.datasync();
  }
  const timer = setInterval(() => {
    writing ??= flush()
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => (writing = undefined));
  }, SYNC_MS);
  // a harness that failed must be able to end
  timer.unref();

  return {
    sent: (message) => void lines.push(`s ${message}\n`),
    acknowledged: (message) => void lines.push(`a ${message}\n`),
    async close() {
      clearInterval(timer);
      await writing;
      await flush();
      await handle.close();
      if (failure !== undefined) throw failure.error;
    },
  };
}

export interface Account {
  /** By message: how often it was sent, and how often that was answered with 200. Numbers without an entry: never. */
  sent: number[];
  acknowledged: number[];
}

export async function readJournal(file: string): Promise<Account> {
  const account: Account = { sent: [], acknowledged: [] };
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const [kind, text] = line.split(' ');
    const message = Number(text);
    if (!Number.isSafeInteger(message)) throw new Error(`the journal has a line that is none: ${line}`);
    const counts = kind === 's' ? account.sent : account.acknowledged;
    counts[message] = (counts[message] ?? 0) + 1;
  }
  return account;
}
