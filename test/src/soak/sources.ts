/** The sources of the soak: four providers, each with the shape and the signature of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSigner } from '@lyftr/sources/open';
import type { SchemeName, Sign } from '@lyftr/sources/source';

export interface MessageText {
  message_id: string;
  from: string;
  to: string;
  /** Undefined: the event has no time of its own, and the message has that of the delivery. */
  ts: number | undefined;
  text: string;
}

export interface Sending {
  path: string;
  body: string;
  headers: Record<string, string>;
}

/** A way in which messages come. */
export interface Way {
  name: string;
  /** How many messages one request may carry. */
  messagesMax: number;
  /** What is stored of a message. */
  messageOf(message: number): MessageText;
  send(messages: readonly number[]): Sending;
}

/** Standard Webhooks wants a key of this form; the others take it as it is. */
const SECRET = 'whsec_c29hayBzb2FrIHNvYWsgc29haw==';
const TS = 1_710_000_000;
export const idOf = (message: number): string => `soak-${message}`;

function signerOf(name: string, scheme: SchemeName): Sign {
  return openSigner({ name, scheme }, SECRET);
}

function sourceWay(
  name: string,
  scheme: SchemeName,
  rest: Pick<Way, 'messageOf'> & {
    messagesMax?: number;
    bodyOf: (messages: readonly number[]) => unknown;
    headersOf?: (message: number) => Record<string, string>;
  },
): Way {
  const sign = signerOf(name, scheme);
  const path = `/webhook/${name}`;
  return {
    name,
    messagesMax: rest.messagesMax ?? 1,
    messageOf: rest.messageOf,
    send(messages) {
      const body = JSON.stringify(rest.bodyOf(messages));
      const headers = rest.headersOf?.(messages[0] as number) ?? {};
      return { path, body, headers: { ...sign({ body, url: path }), ...headers } };
    },
  };
}

const whatsapp = sourceWay('whatsapp', 'meta', {
  messagesMax: 50,
  messageOf: (message) => ({
    message_id: `whatsapp:${idOf(message)}`,
    from: `1555${message % 97}`,
    to: '1666',
    ts: TS + message,
    text: `message ${message}`,
  }),
  bodyOf: (messages) => ({
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '1',
        changes: [
          {
            field: 'messages',
            value: {
              messaging_product: 'whatsapp',
              metadata: { display_phone_number: '1666', phone_number_id: '1' },
              messages: messages.map((message) => ({
                from: `1555${message % 97}`,
                id: idOf(message),
                timestamp: String(TS + message),
                type: 'text',
                text: { body: `message ${message}` },
              })),
            },
          },
        ],
      },
    ],
  }),
});

const stripe = sourceWay('payments', 'stripe', {
  messageOf: (message) => ({
    message_id: `payments:${idOf(message)}`,
    from: `cus_${message % 97}`,
    to: `pi_${message % 13}`,
    ts: TS + message,
    text: `payment_intent.succeeded: message ${message}`,
  }),
  bodyOf: ([message = 0]) => ({
    id: idOf(message),
    object: 'event',
    type: 'payment_intent.succeeded',
    created: TS + message,
    data: {
      object: {
        id: `pi_${message % 13}`,
        customer: `cus_${message % 97}`,
        description: `message ${message}`,
      },
    },
  }),
});

const github = sourceWay('code', 'github', {
  messageOf: (message) => ({
    message_id: `code:${idOf(message)}`,
    from: `user-${message % 97}`,
    to: `team/repository-${message % 13}`,
    ts: undefined,
    text: `issues.opened: message ${message}`,
  }),
  bodyOf: ([message = 0]) => ({
    action: 'opened',
    issue: { title: `message ${message}` },
    repository: { full_name: `team/repository-${message % 13}` },
    sender: { login: `user-${message % 97}` },
  }),
  headersOf: (message) => ({ 'x-github-event': 'issues', 'x-github-delivery': idOf(message) }),
});

const custom = sourceWay('custom', 'standard-webhooks', {
  messagesMax: 20,
  messageOf: (message) => ({
    message_id: `custom:${idOf(message)}`,
    from: String(message % 97),
    to: 'everyone',
    ts: TS + message,
    text: `message ${message}`,
  }),
  bodyOf: (messages) => ({ items: messages.map((message) => ({ number: message, time: TS + message })) }),
});

export const SOURCE_WAYS: readonly Way[] = [whatsapp, stripe, github, custom];

/** Writes the sources file. Returns the settings that name it. */
export function writeSoakSources(dir: string): { SOURCES_FILE: string; SOAK_SECRET: string } {
  const key = { id: 'main', env: 'SOAK_SECRET' };
  const source = (name: string, scheme: SchemeName, more = {}) => ({ name, scheme, keys: [key], ...more });
  // a request may wait for its turn as long as an outage takes
  const timed = { tolerance_seconds: 3_600 };
  const jsonata =
    "items.{ 'id': 'soak-' & number, 'from': $string(number % 97), 'to': 'everyone', 'ts': time, 'text': 'message ' & number }";
  const sources = [
    source('whatsapp', 'meta'),
    source('payments', 'stripe', timed),
    source('code', 'github'),
    source('custom', 'standard-webhooks', { ...timed, mapping: { jsonata: `body.${jsonata}` } }),
  ];
  const file = join(dir, 'sources.json');
  writeFileSync(file, JSON.stringify({ sources }));
  return { SOURCES_FILE: file, SOAK_SECRET: SECRET };
}
