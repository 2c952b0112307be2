import type { Writable } from 'node:stream';

/** About 5,000 lines. What a pipe itself holds comes on top. */
export const OUTPUT_BYTES_MAX = 1024 * 1024;

/**
 * Log lines for a stream that may be a pipe. A reader that stops must not stop this process, so nothing here waits: what
 * the pipe does not take is kept up to OUTPUT_BYTES_MAX, and lines beyond it are dropped and counted. The count is the
 * next line that finds room. A reader that is gone costs the lines, and nothing else.
 */
export function boundedOutput(stream: Writable, service: string): { write: (line: string) => void } {
  let dropped = 0;
  stream.on('error', () => {});
  return {
    write(line) {
      if (stream.writableLength > OUTPUT_BYTES_MAX) {
        dropped++;
        return;
      }
      if (dropped > 0) {
        const msg = `${dropped} log lines were dropped, because nobody read them`;
        const record = {
          level: 'warn',
          time: new Date().toISOString(),
          service,
          pid: process.pid,
          dropped,
          msg,
        };
        dropped = 0;
        stream.write(`${JSON.stringify(record)}\n`);
      }
      stream.write(line);
    },
  };
}
