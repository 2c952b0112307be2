/** Bodies while they arrive. Nothing about them is verified yet, so what they take together is bounded. */
import type { IncomingMessage } from 'node:http';
import { ProblemError } from '@lyftr/shared/errors';

/** Bytes that all connections of this process may keep of bodies that are not complete. */
export interface Unverified {
  /** False when there is no room for so many more; then nothing is taken. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  /** From now on, one body of this size has room when there is no other. */
  makeRoomFor(bodyBytes: number): void;
}

export function createUnverified(bytesMin: number): Unverified {
  let bytesMax = bytesMin;
  let taken = 0;
  return {
    take(bytes) {
      if (taken + bytes > bytesMax) return false;
      taken += bytes;
      return true;
    },
    give(bytes) {
      taken -= bytes;
    },
    makeRoomFor(bodyBytes) {
      bytesMax = Math.max(bytesMin, bodyBytes);
    },
  };
}

const NONE = Buffer.alloc(0);

/**
 * Grows as bytes arrive, not by what was announced. The bytes are copied, because a piece may be one byte that keeps the
 * whole packet it came in alive.
 */
class PartialBody {
  private readonly unverified: Unverified;
  private buffer: Buffer = NONE;
  length = 0;

  constructor(unverified: Unverified) {
    this.unverified = unverified;
  }

  /** False when there is no room. */
  add(chunk: Buffer, bytesMax: number): boolean {
    const length = this.length + chunk.length;
    if (length > this.buffer.length) {
      const size = Math.min(Math.max(length, 2 * this.buffer.length), bytesMax);
      if (!this.unverified.take(size - this.buffer.length)) return false;
      const grown = Buffer.allocUnsafeSlow(size);
      this.buffer.copy(grown, 0, 0, this.length);
      this.buffer = grown;
    }
    chunk.copy(this.buffer, this.length);
    this.length = length;
    return true;
  }

  /** What has arrived; it is no longer counted. */
  end(): Buffer {
    const bytes = this.buffer.subarray(0, this.length);
    this.unverified.give(this.buffer.length);
    this.buffer = NONE;
    this.length = 0;
    return bytes;
  }
}

export interface BodyOptions {
  bytesMax: number;
  unverified: Unverified;
}

/**
 * Reads the body of a request. One of the two is called, once; neither when the sender goes away before its end. Refuses
 * with `body-too-large` or `too-busy`.
 */
export function readBody(
  req: IncomingMessage,
  { bytesMax, unverified }: BodyOptions,
  done: (body: Buffer) => void,
  refuse: (problem: ProblemError) => void,
): void {
  // undefined when it is chunked; node:http has checked that it is a number
  const announced = req.headers['content-length'];
  if (Number(announced ?? 0) > bytesMax) {
    refuse(new ProblemError('body-too-large'));
    return;
  }
  let whole: Buffer | undefined;
  const partial = new PartialBody(unverified);
  let isOver = false;
  const end = (problem: ProblemError): void => {
    isOver = true;
    partial.end();
    refuse(problem);
  };
  req.on('data', (chunk: Buffer) => {
    if (isOver) return;
    // most bodies arrive in one piece
    if (partial.length === 0 && chunk.length === Number(announced)) whole = chunk;
    else if (partial.length + chunk.length > bytesMax) end(new ProblemError('body-too-large'));
    else if (!partial.add(chunk, bytesMax)) {
      const reason = 'Too many incomplete requests are in memory.';
      end(new ProblemError('too-busy', reason, { retryAfterSeconds: 1 }));
    }
  });
  req.on('end', () => {
    if (isOver) return;
    isOver = true;
    done(whole ?? partial.end());
  });
  // a sender that goes away in the middle of its body has been promised nothing
  req.on('error', () => {});
  req.on('close', () => {
    isOver = true;
    partial.end();
  });
}
