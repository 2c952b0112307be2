/**
 * The sender's side, as a payment or messaging provider is: every message is sent until it has a 200, a 503 waits for
 * Retry-After, some messages are sent again although they were acknowledged, and some come as batches.
 */
import { requestText, send } from '@lyftr/cli/sender';
import { signed } from '../system.js';
import type { Journal } from './journal.js';
import type { Random } from './random.js';
import { idOf, SOURCE_WAYS, type MessageText, type Way } from './sources.js';

const CONNECTIONS = 32;
/** What ingest asks for in Retry-After, at most. */
const REFUSED_RETRY_MS = 1_000;
const LOST_RETRY_MS = 200;
const REDELIVERY_SHARE = 0.05;
const BATCH_SHARE = 0.02;
/** Of the requests that are new, as many as this come by a source. */
const SOURCES_SHARE = 0.3;
const BATCH_MESSAGES_MAX = 50;

/** The message of a number: a row can be compared with what was sent without keeping what was sent. */
function messageOf(message: number): MessageText {
  return {
    message_id: idOf(message),
    from: `+${message % 97}`,
    to: String(message % 13),
    ts: 1_710_000_000 + message,
    text: `message ${message} of kind-${message % 31}`,
  };
}

/** Today's own routes. */
const OWN: Way = {
  name: '',
  messagesMax: BATCH_MESSAGES_MAX,
  messageOf,
  send(messages) {
    const isSingle = messages.length === 1;
    const body = JSON.stringify(isSingle ? messageOf(messages[0] as number) : messages.map(messageOf));
    return { path: isSingle ? '/webhook' : '/webhook/batch', body, headers: signed(body) };
  },
};

/** By the name that ids begin with. */
export const WAYS: ReadonlyMap<string, Way> = new Map([OWN, ...SOURCE_WAYS].map((way) => [way.name, way]));

interface Request {
  way: Way;
  messages: number[];
  /** A redelivery is of a message that has its 200 already: nobody waits for its answer. */
  isRedelivery: boolean;
}

export interface Traffic {
  requests: number;
  /** Messages in all requests, resends and redeliveries included. */
  messagesSent: number;
  redeliveries: number;
  batches: number;
  /** Deliveries of sources. */
  ofSources: number;
  /** Different messages. */
  messages: number;
  /** Different messages that have their 200. */
  acknowledged: number;
  /** Requests by status; 0 counts lost connections. */
  statuses: Map<number, number>;
  /** By second since the first request: messages that got a 200, and whether every answer was one. */
  seconds: { acknowledged: number; isCalm: boolean }[];
}

export interface Gateway {
  readonly traffic: Traffic;
  /** Begins to send; resolves when `finish` was called and every message has its 200, or the signal was given. */
  run(signal: AbortSignal): Promise<void>;
  /** From here on no new message is made. */
  finish(): void;
}

/** Begins `perSecond` requests a second, or what the answers allow; a backlog is made up for as fast as they come. */
export function createGateway(origin: string, perSecond: number, journal: Journal, random: Random): Gateway {
  const traffic: Traffic = {
    requests: 0,
    messagesSent: 0,
    redeliveries: 0,
    batches: 0,
    ofSources: 0,
    messages: 0,
    acknowledged: 0,
    statuses: new Map(),
    seconds: [],
  };
  const startedAt = performance.now();
  const underWay = new Map<number, Request>();
  const isAcknowledged: boolean[] = [];
  /** By message. */
  const ways: Way[] = [];
  const due: Request[] = [];
  let finishing = false;

  const resend = (request: Request, afterMs: number): void => {
    setTimeout(() => due.push(request), afterMs).unref();
  };

  function freshRequest(isBatch: boolean): Request {
    const way = random.next() < SOURCES_SHARE ? random.pick(SOURCE_WAYS) : OWN;
    const count = isBatch && way.messagesMax > 1 ? random.between(2, way.messagesMax) : 1;
    const messages = Array.from({ length: count }, () => traffic.messages++);
    for (const message of messages) {
      isAcknowledged[message] = false;
      ways[message] = way;
    }
    return { way, messages, isRedelivery: false };
  }

  const repeat = (message: number): Request => ({
    way: ways[message] as Way,
    messages: [message],
    isRedelivery: true,
  });

  function redelivery(): Request | undefined {
    if (traffic.messages === 0) return undefined;
    const message = random.between(0, traffic.messages - 1);
    return isAcknowledged[message] === true ? repeat(message) : undefined;
  }

  function nextRequest(): Request | undefined {
    const again = due.shift();
    if (again !== undefined) return again;
    if (finishing) {
      if (traffic.acknowledged === traffic.messages) return undefined;
      // something has to be sent while the last messages wait for their turn
      return redelivery() ?? repeat(0);
    }
    const choice = random.next();
    if (choice < REDELIVERY_SHARE) {
      const repeated = redelivery();
      if (repeated !== undefined) return repeated;
    }
    return freshRequest(choice < REDELIVERY_SHARE + BATCH_SHARE);
  }

  function bytesOf({ way, messages, isRedelivery }: Request): string {
    traffic.requests++;
    traffic.messagesSent += messages.length;
    if (isRedelivery) traffic.redeliveries++;
    for (const message of messages) journal.sent(message);
    if (way !== OWN) traffic.ofSources++;
    if (messages.length > 1) traffic.batches++;
    const { path, body, headers } = way.send(messages);
    return requestText(origin, path, body, headers);
  }

  function noteAnswer({ messages }: Request, status: number): void {
    traffic.statuses.set(status, (traffic.statuses.get(status) ?? 0) + 1);
    const index = Math.floor((performance.now() - startedAt) / 1_000);
    const second = (traffic.seconds[index] ??= { acknowledged: 0, isCalm: true });
    if (status === 200) second.acknowledged += messages.length;
    else second.isCalm = false;
  }

  function acknowledge({ messages }: Request): void {
    for (const message of messages) {
      journal.acknowledged(message);
      if (isAcknowledged[message] === true) continue;
      isAcknowledged[message] = true;
      traffic.acknowledged++;
    }
  }

  return {
    traffic,
    run: (signal) =>
      send({
        origin,
        connections: CONNECTIONS,
        perSecond,
        signal,
        request(index) {
          const request = nextRequest();
          if (request === undefined) return undefined;
          underWay.set(index, request);
          return bytesOf(request);
        },
        answered(index, status) {
          const request = underWay.get(index) as Request;
          underWay.delete(index);
          noteAnswer(request, status);
          if (status === 200) acknowledge(request);
          else if (!request.isRedelivery) resend(request, status === 0 ? LOST_RETRY_MS : REFUSED_RETRY_MS);
        },
      }),
    finish() {
      finishing = true;
    },
  };
}
