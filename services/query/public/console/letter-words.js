/** The kinds of dead letters. */

const KINDS = {
  corrupt_envelope: 'corrupt envelope',
  unstorable_message: 'unstorable message',
  unmapped_delivery: 'unmapped delivery',
  conflicting_duplicate: 'conflicting duplicate',
};

export const KIND_NAMES = Object.keys(KINDS);

export const kindWords = (kind) => KINDS[kind] ?? kind;

/** A conflicting duplicate needs a new id from a person, so it is never replayed with others. */
export const isReplayable = (kind) => kind !== 'conflicting_duplicate';
