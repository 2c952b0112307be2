/** What readers look for, drawn from the texts of a data set. */
import { fold } from '@lyftr/store/sqlite/fold';
import type { Dataset } from '../dataset/messages.js';
import { Random } from '../dataset/random.js';

export type NeedleKind = 'rare' | 'common' | 'absent' | 'short' | 'phrase';

export interface Needles {
  /** A needle that was not returned before, whatever its case; undefined when there are no more of the kind. */
  next(kind: NeedleKind): string | undefined;
}

const SAMPLE_MESSAGES = 10_000;
/** A common needle is in at least this share of the messages: a million of ten. */
const COMMON_SHARE = 0.1;
const COMMON_CHARS = [3, 4, 5, 6];
const TRIES_MAX = 10_000;
const NUMBER = /#ORD-\w{8}|\d{6,}|[a-z0-9]{4}\/\w{6}/;
/** Letters that no language of the data set puts side by side. */
const STRANGE = Array.from('QXZJVW');

/** Substrings that many texts have, the most common first. */
function commonNeedles(texts: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const own = new Set<string>();
    for (const chars of COMMON_CHARS) {
      for (let at = 0; at + chars <= text.length; at++) own.add(text.slice(at, at + chars));
    }
    for (const needle of own) counts.set(needle, (counts.get(needle) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count >= COMMON_SHARE * texts.length)
    .toSorted(([, a], [, b]) => b - a)
    .map(([needle]) => needle);
}

/** The same `stream` gives the same needles; another one gives others, apart from those that are in `asked`. */
export function createNeedles(dataset: Dataset, stream: number, asked: readonly string[] = []): Needles {
  const random = new Random(dataset.seed ^ 0x5ea4c4, stream);
  const someText = (): string => dataset.message(random.below(dataset.messages)).text;
  const sample = Array.from({ length: SAMPLE_MESSAGES }, () => fold(someText()));
  const common = commonNeedles(sample);
  const used = new Set(asked.map(fold));

  function inSample(needle: string): number {
    const folded = fold(needle);
    return sample.filter((text) => text.includes(folded)).length;
  }

  /** Whole characters: half an emoji is no text. */
  function cut(text: string, chars: number): string {
    const characters = Array.from(text);
    const at = random.below(Math.max(1, characters.length - chars + 1));
    return characters.slice(at, at + chars).join('');
  }

  /** Undefined when the try gave none of the kind. */
  const makers: Record<NeedleKind, () => string | undefined> = {
    common: () => common.shift(),
    short() {
      const needle = cut(someText(), 2);
      return needle.trim() === '' ? undefined : needle;
    },
    // a piece of a text: its trigrams are common, it is less so
    phrase: () => cut(someText(), 6 + random.below(8)),
    rare() {
      const text = someText();
      const number = NUMBER.exec(text)?.[0];
      if (number !== undefined) return number.slice(random.below(3));
      const needle = cut(text, 12);
      return inSample(needle) <= 1 ? needle : undefined;
    },
    absent() {
      // either trigrams that no text has, or trigrams that many have, put together as none has them
      if (random.chance(0.5)) return Array.from({ length: 6 }, () => random.pick(STRANGE)).join('');
      const [first = '', second = ''] = someText().split(' ');
      const needle = `${first.slice(0, 5)}${first.slice(0, 5)}${second.slice(-4)}`;
      return needle.length >= 6 && inSample(needle) === 0 ? needle : undefined;
    },
  };

  return {
    next(kind) {
      for (let i = 0; i < TRIES_MAX; i++) {
        const needle = makers[kind]();
        if (needle === undefined || used.has(fold(needle))) continue;
        used.add(fold(needle));
        return needle;
      }
      return undefined;
    },
  };
}
