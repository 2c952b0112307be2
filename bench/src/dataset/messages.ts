/** A data set of any size from a seed; message `index` depends on seed, size and index alone. */
import { LANGUAGES } from './languages.js';
import { mix32, Random } from './random.js';
import { FIRST_SECOND, secondAt } from './rhythm.js';
import { makeText } from './text.js';
import { makeVocabulary, type Vocabulary } from './vocabulary.js';

export interface DatasetShape {
  /** Number of messages. */
  messages: number;
  seed: number;
}

export interface DatasetPlace extends DatasetShape {
  /** Absolute. */
  dataDir: string;
}

/** As it is posted: members beyond the five are kept as `extra`. */
export interface PostedMessage {
  message_id: string;
  from: string;
  to: string;
  ts: number;
  text: string;
  [member: string]: unknown;
}

export interface Dataset extends DatasetShape {
  /** Index 0 arrives first. An index beyond the size is a message too, later than all others. */
  message(index: number): PostedMessage;
}

const MESSAGES_PER_SENDER = 50;
const RECIPIENTS = 40;
const STRAGGLERS = 0.02;
const LATE_SECONDS_MIN = 60;
const LATE_SECONDS_MAX = 3 * 86_400;
const WITH_EXTRA = 0.01;
/** The rest of a sender's messages is in English. */
const IN_OWN_LANGUAGE = 0.9;
/** Prime, so that different ranks have different numbers. */
const NUMBER_STEP = 982_451_653;

const hex = (value: number): string => value.toString(16).padStart(8, '0');

export function createDataset({ messages, seed }: DatasetShape): Dataset {
  const vocabularies = LANGUAGES.map((language) => makeVocabulary(seed, language));
  const english = vocabularies[0] as Vocabulary;
  const byPercent = vocabularies.flatMap((vocabulary) =>
    Array.from({ length: vocabulary.language.share }, () => vocabulary),
  );
  const senders = Math.max(1, Math.round(messages / MESSAGES_PER_SENDER));
  const salt = mix32(seed);

  const languageOf = (sender: number): Vocabulary =>
    byPercent[mix32(sender ^ salt) % byPercent.length] as Vocabulary;

  function addressOf(sender: number): string {
    const number = String((sender * NUMBER_STEP + salt) % 1e10).padStart(10, '0');
    return sender % 20 === 7 ? `shop-${number}` : `+${languageOf(sender).language.countryCode}${number}`;
  }

  function message(index: number): PostedMessage {
    const random = new Random(seed, index);
    const sender = random.rank(senders);
    const recipient = random.rank(RECIPIENTS);
    let ts = secondAt(Math.min(1, index / messages)) - random.below(4);
    if (random.chance(STRAGGLERS)) {
      ts -= Math.floor(LATE_SECONDS_MIN * (LATE_SECONDS_MAX / LATE_SECONDS_MIN) ** random.unit());
    }
    const vocabulary = random.chance(IN_OWN_LANGUAGE) ? languageOf(sender) : english;
    const posted: PostedMessage = {
      message_id: `msg_${hex(mix32(index ^ salt))}${hex(random.uint32())}`,
      from: addressOf(sender),
      to: `+1415555${String(100 + recipient * 7).padStart(4, '0')}`,
      ts: Math.max(FIRST_SECOND, ts),
      text: makeText(random, vocabulary),
    };
    if (random.chance(WITH_EXTRA)) {
      posted['channel'] = random.pick(['whatsapp', 'sms', 'web']);
      posted['context'] = { lang: vocabulary.language.tag, attempt: 1 + random.below(3) };
    }
    return posted;
  }

  return { messages, seed, message };
}
