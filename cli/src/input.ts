/** Reads FILE arguments: a path, or `-` for standard input. */
import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';

export function openInput(file: string): Readable {
  return file === '-' ? process.stdin : createReadStream(file);
}

/** Reads all bytes. Rejects with an error of the system. */
export function readInput(file: string): Promise<Buffer> {
  return buffer(openInput(file));
}
