import type { Language } from './languages.js';
import { mix32, Random } from './random.js';

export interface Vocabulary {
  language: Language;
  /** The most common first. */
  words: string[];
  /** The same words as they begin a sentence. */
  initial: string[];
}

const WORDS = 4_000;
const SYLLABLES_MAX = 4;

function makeWord(random: Random, parts: readonly string[][], syllables: number): string {
  let word = '';
  for (let i = 0; i < syllables; i++) {
    for (const part of parts) {
      const letters = random.pick(part);
      if (letters !== '_') word += letters;
    }
  }
  return word;
}

/** The real words first, then made ones, which grow longer as they grow rarer. */
export function makeVocabulary(seed: number, language: Language): Vocabulary {
  const random = new Random(seed, mix32(language.tag.charCodeAt(0) * 256 + language.tag.charCodeAt(1)));
  const parts = language.syllable.map((list) => list.split(' '));
  const words = new Set(language.common.split(' '));
  while (words.size < WORDS) {
    const longest = 2 + Math.floor((SYLLABLES_MAX - 1) * (words.size / WORDS));
    words.add(makeWord(random, parts, 1 + random.below(longest)));
  }
  words.delete('');
  const list = [...words];
  const initial = list.map((word) => word.slice(0, 1).toLocaleUpperCase(language.tag) + word.slice(1));
  return { language, words: list, initial };
}
