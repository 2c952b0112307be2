/** The text of a message: words by Zipf's law, and among them what makes real texts differ from each other. */
import { EMOJI } from './languages.js';
import type { Random } from './random.js';
import type { Vocabulary } from './vocabulary.js';

const CHARS_MEDIAN = 60;
const CHARS_DEVIATION = 0.7;
const CHARS_MIN = 10;
/** What is appended last may be this much longer than the length that was drawn: together at most 300. */
const CHARS_MAX = 240;

const CODE_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const HOSTS = ['shop.example', 'track.example.com', 'pay.example.net', 'l.example'];

function code(random: Random, length: number): string {
  let result = '';
  for (let i = 0; i < length; i++) result += CODE_ALPHABET.charAt(random.uint32() >>> 27);
  return result;
}

const digits = (random: Random, count: number): string =>
  String(random.below(10 ** count)).padStart(count, '0');

/** An order number, a one-time password, a phone number, a link; `undefined` for most messages. */
function special(random: Random): string | undefined {
  const kind = random.unit();
  if (kind < 0.12) return `#ORD-${code(random, 8)}`;
  if (kind < 0.22) return digits(random, 6);
  if (kind < 0.27)
    return `+${random.pick(['49', '1', '91', '55'])} ${digits(random, 3)} ${digits(random, 7)}`;
  if (kind < 0.35) return `https://${random.pick(HOSTS)}/${code(random, 4).toLowerCase()}/${code(random, 6)}`;
  return undefined;
}

/** 10 to 300 UTF-16 units, half of the texts up to about 60. */
export function makeText(random: Random, { language, words, initial }: Vocabulary): string {
  const drawn = CHARS_MEDIAN * Math.exp(CHARS_DEVIATION * random.normal());
  const chars = Math.min(CHARS_MAX, Math.max(CHARS_MIN, Math.floor(drawn)));
  const inserted = special(random);
  const insertAt = random.below(5);
  const isEmoji = random.chance(0.12);
  let text = initial[random.rank(words.length)] as string;
  let sentenceWords = 1;
  for (let word = 1; text.length < chars || (word <= insertAt && inserted !== undefined); word++) {
    if (word === insertAt + 1 && inserted !== undefined) text += ` ${inserted}`;
    if (sentenceWords > 4 && random.chance(0.12)) {
      text += `${language.stop}${language.space}${initial[random.rank(words.length)] as string}`;
      sentenceWords = 1;
    } else {
      text += `${language.space}${words[random.rank(words.length)] as string}`;
      sentenceWords++;
    }
  }
  return isEmoji ? `${text} ${random.pick(EMOJI)}` : text;
}
