/** A fast wrong answer must not count: ours and the peer's are compared. */
import { isDeepStrictEqual } from 'node:util';
import { pathOf, type Found, type Query, type Stats } from './query.js';

/**
 * True when SQLite's LIKE, which folds ASCII alone, finds what Lyftr's definition of case finds: the needle has no letter
 * outside ASCII that has a case, and none of the three to which others fold (ſ and ß to S, ı to I, the Kelvin sign to K).
 */
export function isFoldedAlike(needle: string): boolean {
  return Array.from(needle).every((character) =>
    character <= '\x7f'
      ? !/[ski]/i.test(character)
      : character.toLowerCase() === character && character.toUpperCase() === character,
  );
}

export function foundIn(body: Buffer): Found {
  const { total, data } = JSON.parse(body.toString()) as { total: number; data: { message_id: string }[] };
  return { total, ids: data.map(({ message_id }) => message_id) };
}

export function statsIn(body: Buffer): Stats {
  const { total_messages, senders_count, messages_per_sender } = JSON.parse(body.toString()) as {
    total_messages: number;
    senders_count: number;
    messages_per_sender: { from: string; count: number }[];
  };
  return {
    total: total_messages,
    senders: senders_count,
    top: messages_per_sender.map(({ from, count }) => [from, count]),
  };
}

/** Throws when they differ. */
export function requireSame(query: Query, ours: Found, peer: Found): void {
  if (ours.total === peer.total && isDeepStrictEqual(ours.ids, peer.ids)) return;
  const differs = ours.ids.findIndex((id, i) => id !== peer.ids[i]);
  throw new Error(
    `wrong answer to ${pathOf(query)}: total ${ours.total}, ids ${ours.ids.length}; plain SQL has total ` +
      `${peer.total}, ids ${peer.ids.length}; the first difference is at ${differs}`,
  );
}

/** Throws when they differ. */
export function requireSameStats(ours: Stats, peer: Stats): void {
  if (!isDeepStrictEqual(ours, peer)) throw new Error('/stats is wrong: plain SQL counts otherwise');
}
