/** From a path to what handles it. All that ingest handles itself, but for health and metrics, is here. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendProblem } from '@lyftr/shared/runtime/http';
import { requestIdOf } from '@lyftr/shared/runtime/request-id';
import type { Sources } from '@lyftr/sources/current';
import type { Source } from '@lyftr/sources/source';
import type { BodyOptions } from './body.js';
import { createDeliveriesIntake, DELIVERIES, sentBytesMax } from './deliveries.js';
import type { Intake, IntakeOptions } from './intake.js';
import type { KeysUsed } from './keys-used.js';
import { BATCH, createMessageIntake, SINGLE } from './message-intake.js';
import type { IntakeMetrics } from './observe.js';
import { bucketsFor, type Buckets, type TokenBucket } from './rate-limit.js';
import { createReceiver, sendAnswer, sendJson } from './receive.js';
import type { Rejects } from './rejects.js';
import { createSourceIntake } from './source-intake.js';

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** `bytesMax` is that of a body for which its source sets no limit. */
export interface RoutesOptions extends IntakeOptions, BodyOptions {
  /** Of `/webhook`, `/webhook/batch` and `/deliveries`. */
  builtIn: Source;
  sources(): Sources;
  metrics: IntakeMetrics;
  rejects: Rejects;
  keysUsed: KeysUsed;
}

export interface Routes {
  /** Those of the built-in source, by path. They never change. */
  readonly intakes: ReadonlyMap<string, Intake<string>>;
  /** Undefined for a path that is not ingest's own. */
  find(path: string): Handler | undefined;
  /** Takes over what `sources` has now. Running requests keep what they began with. */
  reload(): void;
}

const SOURCES = '/webhook/';

/** Answers 405 for every other method. */
function byMethod(handlers: Readonly<Record<string, Handler>>): Handler {
  const methods = new Map(Object.entries(handlers));
  const allow = [...methods.keys()].join(', ');
  return (req, res) => {
    const handle = methods.get(req.method ?? '');
    if (handle === undefined) sendProblem(res, 'method-not-allowed', { headers: { allow } });
    else handle(req, res);
  };
}

const notFound: Handler = (_req, res) => sendProblem(res, 'not-found');

/** Meta's question whether this is the right place. */
function createChallenger(source: Source, metrics: IntakeMetrics): Handler | undefined {
  const { challenge } = source;
  if (challenge === undefined) return undefined;
  const figures = metrics.source(source, 'GET');
  return (req, res) => {
    const startedAt = performance.now();
    const requestId = requestIdOf(req);
    const answer = challenge(req.url ?? '');
    if (answer === undefined) {
      sendProblem(res, 'bad-signature', { detail: 'The token of the handshake is missing or wrong.' });
      figures.refused('bad-signature', startedAt, requestId);
      return;
    }
    res.setHeader('x-content-type-options', 'nosniff');
    sendAnswer(res, { status: 200, type: 'text/plain', body: answer });
    figures.handshake(200, startedAt, requestId);
  };
}

export function createRoutes(options: RoutesOptions): Routes {
  const { builtIn, bytesMax, unverified, full, coalescer, metrics, rejects, keysUsed } = options;
  const intakes = new Map(
    [SINGLE, BATCH].map((route) => {
      const shape = { full, coalescer, bytesMax, metrics: metrics.route(route.path) };
      return [route.path, createMessageIntake(shape, route, builtIn)];
    }),
  );
  const deliveriesMetrics = metrics.route(DELIVERIES);
  const receiveJson = (intake: Intake<string>): Handler =>
    byMethod({ POST: createReceiver({ intake, unverified, send: sendJson }) });
  const ofMessages = new Map([...intakes].map(([path, intake]) => [path, receiveJson(intake)]));

  function sourceHandler(source: Source, bucket: TokenBucket | undefined): Handler {
    const shape = {
      full,
      coalescer,
      bytesMax: source.bytesMax ?? bytesMax,
      metrics: metrics.source(source),
      bucket,
      rejects,
      keysUsed,
    };
    const POST = createReceiver({
      intake: createSourceIntake(shape, source),
      unverified,
      send: sendAnswer,
    });
    const GET = createChallenger(source, metrics);
    return byMethod(GET === undefined ? { POST } : { GET, POST });
  }

  let buckets: Buckets = new Map();
  function build(): ReadonlyMap<string, Handler> {
    const sources = [...options.sources().byName.values()];
    const largestBytes = Math.max(bytesMax, ...sources.map((source) => source.bytesMax ?? 0));
    unverified.makeRoomFor(sentBytesMax(largestBytes));
    buckets = bucketsFor(sources, buckets);
    const deliveries = createDeliveriesIntake(
      { full, coalescer, bytesMax: sentBytesMax(largestBytes), metrics: deliveriesMetrics },
      builtIn,
    );
    return new Map([
      ...ofMessages,
      [DELIVERIES, receiveJson(deliveries)],
      ...sources.map((source): [string, Handler] => [
        SOURCES + source.name,
        sourceHandler(source, buckets.get(source.name)),
      ]),
    ]);
  }

  let handlers = build();
  return {
    intakes,
    find: (path) => handlers.get(path) ?? (path.startsWith(SOURCES) ? notFound : undefined),
    reload() {
      handlers = build();
    },
  };
}
