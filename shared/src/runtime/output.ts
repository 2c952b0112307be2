import type { Writable } from 'node:stream';

/** About 5,000 lines, in addition to what the pipe itself buffers. */
export const OUTPUT_BYTES_MAX = 1024 * 1024;

/**
 * Writes log lines to a stream that may be a pipe, without ever waiting for its reader. Lines that the pipe does not
 * accept are buffered up to OUTPUT_BYTES_MAX. Further lines are dropped and counted, and the next line that fits
 * reports the count. When the reader is gone, only the lines are lost.
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
        const msg = `dropped ${dropped} log lines because the output was not read`;
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
