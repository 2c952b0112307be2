/**
 * Numbers the messages of this process, and keeps the numbers that Redis confirmed for the ledger
 * (`shared/src/ledger.ts`).
 *
 * A process usually has one life as a producer. It begins a new life in two cases. First, when failed adds have left
 * too many gaps in its ranges: the published figures stay short, and nothing is lost. Second, when it could not
 * publish for a long time: the writer may have summed up the old life by then, so it must not appear again.
 */
import type { Numbers } from '@lyftr/shared/batch';
import { CONFIRMED_KEY, type Confirmed } from '@lyftr/shared/ledger';

const NO_SOURCES: ReadonlyMap<string, number> = new Map();
const RANGES_MAX = 1_000;
/** Less than the hour after which query retires a process that does not publish. */
const CUT_OFF_MS = 30 * 60 * 1_000;

interface Life extends Confirmed {
  producer: string;
}

export interface Lives {
  /** Returns the numbers of the next batch. Batches are added one after another. */
  next(messages: number): Numbers;
  /** Records that Redis acknowledged the batch. `sources`: how many of its items came by each source. */
  confirm(numbers: Numbers, sources?: ReadonlyMap<string, number>): void;
  /** Number of messages confirmed since the process started. */
  messages(): number;
  /** The fields to publish in hashes of Redis. */
  fields(): [key: string, field: string, value: string][];
  /** Call it when Redis has stored the fields of the last call of `fields`. */
  published(): void;
}

export function createLives(instance: string, clock: () => number = () => performance.now()): Lives {
  let number = 1;
  let next = 1;
  let life: Life = { producer: instance, messages: 0, ranges: [] };
  /** Lives that are full and not completely published yet. */
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
    confirm({ producer, range: [first, last] }, sources = NO_SOURCES) {
      messages += last - first + 1;
      // the batch belongs to a life that was cut off
      if (producer !== life.producer) return;
      life.messages += last - first + 1;
      for (const [source, count] of sources) {
        life.sources ??= {};
        life.sources[source] = (life.sources[source] ?? 0) + count;
      }
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
