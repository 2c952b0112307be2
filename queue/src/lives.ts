/**
 * Numbers the messages of this process, and keeps what Redis confirmed of them for the ledger (`shared/src/ledger.ts`).
 *
 * A process has one life as a producer, as a rule. It begins another when its ranges have too many holes, which come
 * from adds that failed: nothing is forgotten, and what is published stays short. And it does so when it could not
 * publish for long: the writer may have summed up the life before by then, and must not find it again.
 */
import type { Numbers } from '@lyftr/shared/batch';
import { CONFIRMED_KEY, type Confirmed } from '@lyftr/shared/ledger';

const RANGES_MAX = 1_000;
/** Below the hour after which query takes a process that does not publish for gone. */
const CUT_OFF_MS = 30 * 60 * 1_000;

interface Life extends Confirmed {
  producer: string;
}

export interface Lives {
  /** The numbers of the next batch. Batches are added one after another. */
  next(messages: number): Numbers;
  /** Redis has acknowledged the batch. */
  confirm(numbers: Numbers): void;
  /** Messages that were confirmed since the process started. */
  messages(): number;
  /** What is to be published, as fields of hashes in Redis. */
  fields(): [key: string, field: string, value: string][];
  /** Call when Redis has taken the fields that were asked for last. */
  published(): void;
}

export function createLives(instance: string, clock: () => number = () => performance.now()): Lives {
  let number = 1;
  let next = 1;
  let life: Life = { producer: instance, messages: 0, ranges: [] };
  /** Full, and not published to the end. */
  let full: Life[] = [];
  let publishing: Life[] = [];
  let publishedAt = clock();
  let messages = 0;

  function begin(): void {
    number++;
    next = 1;
    life = { producer: `${instance}-${number}`, messages: 0, ranges: [] };
  }

  return {
    next(count) {
      if (life.ranges.length >= RANGES_MAX) {
        full.push(life);
        begin();
      }
      const first = next;
      next += count;
      return { producer: life.producer, range: [first, next - 1] };
    },
    confirm({ producer, range: [first, last] }) {
      messages += last - first + 1;
      // of a life that was cut off
      if (producer !== life.producer) return;
      life.messages += last - first + 1;
      const end = life.ranges.at(-1);
      if (end !== undefined && end[1] + 1 === first) end[1] = last;
      else life.ranges.push([first, last]);
    },
    messages: () => messages,
    fields() {
      if (clock() - publishedAt > CUT_OFF_MS) {
        full = [];
        publishedAt = clock();
        begin();
      }
      publishing = [...full];
      return [...full, life].map(({ producer, ...confirmed }) => [
        CONFIRMED_KEY,
        producer,
        JSON.stringify(confirmed),
      ]);
    },
    published() {
      publishedAt = clock();
      full = full.filter((each) => !publishing.includes(each));
    },
  };
}
