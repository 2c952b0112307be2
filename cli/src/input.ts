/** What a person names as FILE: a path, or `-` for standard input. */
import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';

export function openInput(file: string): Readable {
  return file === '-' ? process.stdin : createReadStream(file);
}

/** All of its bytes. Rejects with the system's error. */
export function readInput(file: string): Promise<Buffer> {
  return buffer(openInput(file));
}
