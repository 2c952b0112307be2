import { createHash } from 'node:crypto';

export const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');

export const bytesOf = (body: Buffer | string): Buffer => (typeof body === 'string' ? utf8(body) : body);

export const sha256Hex = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Whole seconds, as digits. */
export const secondsText = (ms: number): string => String(Math.floor(ms / 1_000));
