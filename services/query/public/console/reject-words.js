/** What a rejected delivery came close to, and what to do about it. */

/** What is known when it came close to nothing. */
const REASONS = {
  missing: {
    what: 'The request has no signature.',
    advice:
      'If the provider sent it, set the secret at the provider, and check the scheme of this source. Otherwise somebody else posts to this address.',
  },
  doubled: {
    what: 'A header of the signature occurs more than once.',
    advice: 'Send it once. A proxy may have added it again.',
  },
  malformed: {
    what: 'The signature does not have the form that this scheme demands.',
    advice: 'Check the scheme of this source, and how the sender writes the header.',
  },
  time: {
    what: 'The signature is right, but its time is too old or too new.',
    advice: "Check the sender's clock and the clock of this machine.",
  },
  wrong: {
    what: 'The signature is wrong, and Lyftr found no reason.',
    advice:
      'Compare the key at the provider with the key of this source. If they are equal, the body was changed on its way, or somebody else posts to this address.',
  },
};

function clockWords({ seconds }) {
  if (seconds === undefined) return REASONS.time.what;
  const direction = seconds < 0 ? 'future' : 'past';
  return `The signature is right, but its time is ${Math.abs(seconds)} s in the ${direction}.`;
}

const NEAR = {
  'retired-key': {
    what: ({ key }) => `The sender signs with the retired key${key === undefined ? '' : ` ${key}`}.`,
    advice: 'Give it the current key.',
  },
  'other-source': {
    what: () => 'The signature is right for another source.',
    advice: 'The sender posts to the wrong address. Give it the address of its own source.',
  },
  clock: {
    what: clockWords,
    advice:
      "Check the sender's clock and the clock of this machine. A delivery that is sent again from a copy looks the same.",
  },
  'trailing-newline': {
    what: () => 'The signature is right for this body with one newline more or less at its end.',
    advice: 'The sender signs other bytes than it sends. Sign and send the same bytes.',
  },
  'reserialized-json': {
    what: () => 'The signature is right for the same JSON in another notation.',
    advice:
      'The sender, or a proxy in front of Lyftr, reads the JSON and writes it anew. Sign and send the same bytes, and pass them on unchanged.',
  },
  'other-scheme': {
    what: () => 'The request has the signature headers of another scheme.',
    advice: 'Check the scheme of this source, and whether the sender posts to the right address.',
  },
  encoding: {
    what: () => 'The signature is right, but in another encoding.',
    advice:
      'Check whether the sender writes the signature in hex or base64, and whether it signs the body as UTF-8.',
  },
  url: {
    what: () => 'The signature is right for another address.',
    advice:
      'Set `url` of this source to the address exactly as it stands at the provider. A proxy must not change the query.',
  },
};

/** `{ what, advice }` of a rejected delivery, both sentences for a person. */
export function rejectWords(reject) {
  const near = NEAR[reject.near];
  if (near === undefined) return REASONS[reject.reason];
  return { what: near.what(reject), advice: near.advice };
}
