import { hash } from 'node:crypto';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;

/** Bodies up to this long are hashed behind the key's block in one buffer that is made once. */
const SCRATCH_BODY_BYTES = 16 * 1024;

/**
 * HMAC-SHA256 (RFC 2104) as its two hashes. `createHmac` makes three objects a message and costs twice as much; a test
 * compares the two.
 */
export function createMac(secret: string): (body: Buffer) => Buffer {
  const bytes = Buffer.from(secret, 'utf8');
  const key = Buffer.alloc(BLOCK_BYTES);
  (bytes.length > BLOCK_BYTES ? hash('sha256', bytes, 'buffer') : bytes).copy(key);
  const inner = Buffer.alloc(BLOCK_BYTES + SCRATCH_BODY_BYTES);
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);
  for (const [i, byte] of key.entries()) {
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  const innerKey = inner.subarray(0, BLOCK_BYTES);
  return (body) => {
    let message: Buffer;
    if (body.length <= SCRATCH_BODY_BYTES) {
      body.copy(inner, BLOCK_BYTES);
      message = inner.subarray(0, BLOCK_BYTES + body.length);
    } else message = Buffer.concat([innerKey, body]);
    // as latin1 text: Node 20 returns a string sooner than a Buffer
    outer.write(hash('sha256', message, 'latin1' as 'hex'), BLOCK_BYTES, 'latin1');
    return Buffer.from(hash('sha256', outer, 'latin1' as 'hex'), 'latin1');
  };
}
