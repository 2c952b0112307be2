/** How to set up a source, by its scheme: where to paste its address, which key it has, and what is signed. */

const WORDS = {
  lyftr: {
    where: 'Your own program posts to the address: one message, or an array of messages.',
    key: 'Any secret that both sides know. The header x-signature has the HMAC-SHA256 of the body in hex.',
    signed: 'the body',
  },
  'standard-webhooks': {
    where: 'Add an endpoint with the address where the provider keeps its webhooks.',
    key: 'The signing secret of the endpoint. It begins with whsec_.',
    signed: 'the id, the time and the body',
  },
  github: {
    where: 'Settings, Webhooks, Add webhook, of a repository or an organization. Both content types work.',
    key: 'The secret that you enter there.',
    signed: 'the body',
  },
  meta: {
    where:
      'App dashboard, Webhooks: the callback URL. The verify token is the text of verify_token in the sources file.',
    key: 'The app secret (App settings, Basic).',
    signed: 'the body',
  },
  stripe: {
    where: 'Developers, Webhooks, Add destination.',
    key: 'The signing secret of the destination, with whsec_ at its beginning.',
    signed: 'the time and the body',
  },
  slack: {
    where: 'The settings of the app: Event Subscriptions, Interactivity or Slash Commands, Request URL.',
    key: 'The signing secret (Basic Information).',
    signed: 'the time and the body',
  },
  shopify: {
    where: 'Settings, Notifications, Webhooks, Create webhook. Format: JSON.',
    key: 'The secret below the list of webhooks. For an app, it is the client secret of the app.',
    signed: 'the body',
  },
  paddle: {
    where: 'Developer tools, Notifications, New destination.',
    key: 'The secret key of the destination.',
    signed: 'the time and the body',
  },
  linear: {
    where: 'Settings, API, New webhook.',
    key: 'The signing secret of the webhook.',
    signed: 'the body, which contains the time',
  },
  square: {
    where:
      'Developer Console, Webhooks, Subscriptions. The address must be exactly the `url` of the sources file.',
    key: 'The signature key of the subscription.',
    signed: 'the address and the body',
  },
  twilio: {
    where:
      'The webhook of the number or of the service. The address must be exactly the `url` of the sources file.',
    key: 'The auth token of the account.',
    signed: 'the address with its query, and the fields of the form',
  },
  zoom: {
    where: 'App Marketplace, the app, Event Subscriptions. “Validate” works once Lyftr has read the source.',
    key: 'The secret token of the app.',
    signed: 'the time and the body',
  },
  discord: {
    where: 'Developer Portal, the app, Webhooks, Endpoint URL.',
    key: 'The public key of the app (General Information).',
    signed: 'the time and the body',
  },
  sendgrid: {
    where: 'Settings, Mail Settings, Event Webhook. Turn the signed event webhook on.',
    key: 'The verification key, which is public.',
    signed: 'the time and the body',
  },
  token: {
    where: 'Where the sender asks for the address of a webhook, such as Settings, Webhooks in GitLab.',
    key: 'The secret token that you enter there. The sender sends the key itself in a header.',
    signed: 'nothing: only the key shows who sent it',
  },
  generic: {
    where: 'Where the sender asks for the address of a webhook.',
    key: 'The signing secret at the sender.',
    signed: 'what `signature` in the sources file says',
  },
};

/** `{ where, key, signed }`. */
export const schemeWords = (scheme) => WORDS[scheme];

/** Whether the id of a delivery is signed, and what follows. */
export const idWords = (isSigned) =>
  isSigned
    ? 'The id of a delivery is protected: a captured delivery cannot be sent again under another id.'
    : 'The id of a delivery is not signed: a captured delivery can be sent again under another id.';

/** What a mapping is, in a few words. */
export function mappingWords(mapping) {
  if (mapping === null) return 'none: a body is a message or an array of messages';
  if (mapping === 'raw') return 'raw: the whole body is the text';
  return typeof mapping === 'string' ? mapping : 'a JSONata expression';
}

/** What to do with a key of `keys`, which are all keys of the source. */
export function keyWords(key, keys) {
  if (key.retired) return 'Retired: its deliveries are refused.';
  if (key.safe_to_retire) return 'Safe to retire: another key is in use, and this one was not used for long.';
  const others = keys.filter(({ id, retired }) => id !== key.id && !retired);
  if (others.length === 0)
    return key.last_used_at === null ? 'Keep it: the only key.' : 'Keep it: the only key, and in use.';
  if (key.last_used_at === null) return 'Not used yet.';
  const isNewest = others.every(({ last_used_at: at }) => at === null || at <= key.last_used_at);
  return isNewest
    ? 'Keep it: the newest delivery has it.'
    : 'Not yet safe to retire: it was used not long ago.';
}
