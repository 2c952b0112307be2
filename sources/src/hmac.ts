import { hash, timingSafeEqual } from 'node:crypto';

export type Algorithm = 'sha1' | 'sha256' | 'sha512';

export const DIGEST_BYTES: Record<Algorithm, number> = { sha1: 20, sha256: 32, sha512: 64 };
const BLOCK_BYTES: Record<Algorithm, number> = { sha1: 64, sha256: 64, sha512: 128 };

/** Messages up to this long are hashed behind the key's block in one buffer that is made once. */
const SCRATCH_BYTES = 16 * 1024;

/** The MAC of `before`, `body` and `after`; the texts are latin1, as headers are. */
export type Mac = (body: Buffer, before?: string, after?: string) => Buffer;

/**
 * HMAC (RFC 2104) as its two hashes. `createHmac` makes three objects a message and costs twice as much; a test
 * compares the two.
 */
export function createMac(algorithm: Algorithm, secret: Buffer): Mac {
  const blockBytes = BLOCK_BYTES[algorithm];
  const key = Buffer.alloc(blockBytes);
  (secret.length > blockBytes ? hash(algorithm, secret, 'buffer') : secret).copy(key);
  const inner = Buffer.alloc(blockBytes + SCRATCH_BYTES);
  const outer = Buffer.alloc(blockBytes + DIGEST_BYTES[algorithm]);
  for (const [i, byte] of key.entries()) {
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  const innerKey = inner.subarray(0, blockBytes);
  return (body, before = '', after = '') => {
    const bodyStart = blockBytes + before.length;
    const end = bodyStart + body.length + after.length;
    let message: Buffer;
    if (end <= inner.length) {
      if (before !== '') inner.write(before, blockBytes, 'latin1');
      body.copy(inner, bodyStart);
      if (after !== '') inner.write(after, bodyStart + body.length, 'latin1');
      message = inner.subarray(0, end);
    } else {
      message = Buffer.concat([innerKey, Buffer.from(before, 'latin1'), body, Buffer.from(after, 'latin1')]);
    }
    // as latin1 text: Node 20 returns a string sooner than a Buffer
    outer.write(hash(algorithm, message, 'latin1' as 'hex'), blockBytes, 'latin1');
    return Buffer.from(hash(algorithm, outer, 'latin1' as 'hex'), 'latin1');
  };
}

/** Compares every pair, whatever is found on the way. All buffers have the length of a digest. */
export function anyEqual(given: readonly Buffer[], expected: readonly Buffer[]): boolean {
  let matches = false;
  for (const one of given) for (const other of expected) if (timingSafeEqual(one, other)) matches = true;
  return matches;
}
