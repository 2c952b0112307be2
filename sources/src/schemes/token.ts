/** Providers that sign nothing and send the key itself in a header: GitLab, Telegram. */
import { hash, timingSafeEqual } from 'node:crypto';
import { dedupHeaders, dedupId, headerName } from '../dedup.js';
import { only, WRONG } from '../read.js';
import type { Scheme, SchemeSettings } from '../source.js';

/** What a header can carry. */
const TOKEN = /^[!-~](?:[ -~]*[!-~])?$/;

const headerOf = ({ token }: SchemeSettings): string => headerName(token?.header ?? '');

/** Digests have one length, so the time taken tells nothing of the key's. */
const digest = (text: string): Buffer => hash('sha256', text, 'buffer');

export const token: Scheme = {
  headers: (settings) => [headerOf(settings)],
  keeps: dedupHeaders,
  preset: 'raw',
  keyFault: (secret) => (TOKEN.test(secret) ? undefined : 'must be what a header can carry: printable ASCII'),
  verifier(settings, keys) {
    const header = headerOf(settings);
    const live = keys.map(({ id, secret }) => ({ id, expected: digest(secret) }));
    return ({ headers }) => {
      const value = only(headers, header);
      if (typeof value !== 'string') return value;
      const given = digest(value);
      let keyId: string | undefined;
      for (const { id, expected } of live) if (timingSafeEqual(given, expected)) keyId ??= id;
      return keyId === undefined ? WRONG : { ok: { keyId } };
    };
  },
  signer: (settings, secret) => () => ({ [headerOf(settings)]: secret }),
  deliveryId: dedupId,
  idIsSigned: () => false,
};
