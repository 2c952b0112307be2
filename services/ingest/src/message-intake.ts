/**
 * `/webhook` and `/webhook/batch`: signature of the built-in source over the raw bytes → content type → JSON → schema.
 */
import { ProblemError } from '@lyftr/shared/errors';
import type { MessageTuple } from '@lyftr/shared/batch';
import type { Source } from '@lyftr/sources/source';
import { createIntake, type Intake, type IntakeOptions } from './intake.js';
import { readerFor, type Readers } from './media-type.js';
import type { RouteMetrics } from './observe.js';
import { readArray, readLines, readMessage } from './validate.js';

export interface MessageRoute {
  path: string;
  readers: Readers<MessageTuple[]>;
  /** JSON. */
  answer(messages: MessageTuple[]): string;
}

export const SINGLE: MessageRoute = {
  path: '/webhook',
  readers: new Map([['application/json', (body) => [readMessage(body)]]]),
  answer: () => '{"status":"ok"}',
};

export const BATCH: MessageRoute = {
  path: '/webhook/batch',
  readers: new Map([
    ['application/json', readArray],
    ['application/x-ndjson', readLines],
  ]),
  answer: (messages) => `{"status":"ok","accepted":${messages.length}}`,
};

export interface MessageIntakeOptions extends IntakeOptions {
  bytesMax: number;
  metrics: RouteMetrics;
}

export function createMessageIntake(
  { bytesMax, metrics, ...options }: MessageIntakeOptions,
  route: MessageRoute,
  source: Source,
): Intake<string> {
  return createIntake(options, {
    headers: source.headers,
    bytesMax,
    metrics,
    read(delivery) {
      const { contentType, body } = delivery;
      if ('reason' in source.verify(delivery)) throw new ProblemError('bad-signature');
      const messages = readerFor(route.readers, contentType)(body);
      return { items: messages, answer: route.answer(messages) };
    },
  });
}
