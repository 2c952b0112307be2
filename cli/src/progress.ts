import { SingleBar } from 'cli-progress';

export interface Bar {
  advance(by: number): void;
  moveTo(value: number): void;
  stop(): void;
}

/** A progress bar on standard error. Does nothing when `shown` is false. */
export function startBar(shown: boolean, unit: string, total: number): Bar {
  if (!shown) return { advance() {}, moveTo() {}, stop() {} };
  const bar = new SingleBar({
    format: `{bar} {percentage}% {value}/{total} ${unit}, {eta_formatted} left`,
    noTTYOutput: false,
  });
  bar.start(total, 0);
  // the terminal does not wrap lines while a bar is shown
  const stop = (): void => {
    process.off('exit', stop);
    bar.stop();
  };
  process.on('exit', stop);
  return {
    advance: (by) => bar.increment(by),
    moveTo: (value) => bar.update(value),
    stop,
  };
}
