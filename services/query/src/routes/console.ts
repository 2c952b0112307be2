/** The console: its pages and files, access to them, and the routes that only the console uses. */
import type { Express } from 'express';
import type { Redis } from 'ioredis';
import { onlyMethods, requireOwnName } from '@lyftr/shared/runtime/app';
import type { Logger } from '@lyftr/shared/runtime/log';
import type { CurrentSources } from '@lyftr/sources/current';
import type { ReadStore } from '@lyftr/store/store';
import { accessOf, refuseOtherSites, requireReader } from '../access/access.js';
import {
  discardLetter,
  noActions,
  noReplay,
  replayLetter,
  writeOffMissing,
  type IntakeSettings,
} from './changes.js';
import { asset, page } from './assets.js';
import { createAtWriter } from '../system/at-writer.js';
import { BOARD, createBoard } from './board.js';
import { createLive, type Live } from './live.js';
import type { Lookout } from '../system/look.js';
import { sampleOf } from '../system/sample.js';
import { createSessions } from '../access/session.js';
import { mountSignIn } from '../access/sign-in.js';

export interface ConsoleOptions {
  store: ReadStore;
  redis: Redis;
  sources: CurrentSources;
  lookout: Lookout;
  token: string | undefined;
  /** True when everyone may read without a token. Changes are then refused. */
  anonymousReads: boolean;
  /** Undefined when the settings are missing. Replays are then refused. */
  intake: IntakeSettings | undefined;
  queuesWritable: boolean;
  log: Logger;
}

export interface Console {
  /** Call it before the reading routes are mounted. */
  mountAccess(app: Express): void;
  mount(app: Express): void;
  live: Live;
}

/** `GET /console.json`: the state that the pages need. */
export interface ConsoleAnswer {
  /** True when this browser has a session, which it can end. */
  session: boolean;
  /** Whether this service can discard dead letters, and whether it can replay them. */
  discard: boolean;
  replay: boolean;
  /** The names of the sources. */
  sources: string[];
}

export function createConsole(options: ConsoleOptions): Console {
  const { store, redis, sources, lookout, token, anonymousReads, intake, log } = options;
  const sessions = token === undefined ? undefined : createSessions(token);
  const isOpen = token === undefined && anonymousReads;
  const atWriter = createAtWriter(redis, token);
  const sampler = { read: async () => sampleOf(await lookout.look()) };
  const live = createLive({ sampler, log });
  const reads = onlyMethods('GET', 'HEAD');

  return {
    live,
    mountAccess(app) {
      if (token === undefined && !anonymousReads) app.use(requireOwnName());
      app.route('/console/:file').get(asset()).all(reads);
      mountSignIn(app, sessions);
      app.use(requireReader(token, sessions), refuseOtherSites());
    },
    mount(app) {
      app.route('/').get(page('index.html')).all(reads);
      app
        .route('/console.json')
        .get((_req, res) => {
          const answer: ConsoleAnswer = {
            session: accessOf(res) === 'session',
            discard: !isOpen,
            replay: !isOpen && intake !== undefined,
            sources: [...sources.get().byName.keys()],
          };
          res.json(answer);
        })
        .all(reads);
      app
        .route('/system')
        .get(async (_req, res) => {
          res.json(await sampler.read());
        })
        .all(reads);
      // a page of another site cannot read the stream, but could keep it open
      app.route('/live').get(refuseOtherSites('every method'), live.handler).all(reads);
      if (isOpen) {
        app.post('/dead-letters/:id/replay', noActions());
        app.delete(['/dead-letters/:id', '/ledger/missing'], noActions());
      }
      app
        .route('/dead-letters/:id/replay')
        .post(...(intake === undefined ? [noReplay()] : replayLetter(store, atWriter, intake)))
        .all(onlyMethods('POST'));
      app.delete('/dead-letters/:id', ...discardLetter(atWriter));
      app.route('/ledger/missing').delete(writeOffMissing(atWriter)).all(onlyMethods('DELETE'));
      app.use(BOARD, createBoard(redis, options.queuesWritable && !isOpen));
    },
  };
}
