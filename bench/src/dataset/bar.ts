import { SingleBar } from 'cli-progress';
import type { Progress } from './load.js';

/** Where no terminal is, a line now and then. */
const LINE_EVERY_MS = 10_000;

export interface ProgressBar extends Progress {
  stop(): void;
}

/** Two bars on standard error, one after the other: sent, then indexed. */
export function progressBar(messages: number): ProgressBar {
  let bar: SingleBar | undefined;
  const begin = (what: string, total: number): SingleBar => {
    const format = `  ${what} {bar} {percentage}% {value}/{total}, {eta_formatted} left`;
    const begun = new SingleBar({ format, noTTYOutput: true, notTTYSchedule: LINE_EVERY_MS, etaBuffer: 500 });
    begun.start(total, 0);
    return begun;
  };
  const stop = (): void => bar?.stop();
  let lagAtFirst: number | undefined;
  return {
    sent(sent) {
      bar ??= begin('sent   ', messages);
      bar.update(sent);
    },
    indexing(lag) {
      if (lagAtFirst === undefined) {
        stop();
        lagAtFirst = lag;
        bar = begin('indexed', messages);
      }
      bar?.update(messages - lag);
    },
    stop,
  };
}
