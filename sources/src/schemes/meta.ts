/**
 * Meta (WhatsApp, Messenger, Instagram): signed as GitHub signs, with the secret of the app. A GET asks first whether this
 * is the right place: see handshake.ts. https://developers.facebook.com/docs/graph-api/webhooks/getting-started
 */
import type { Scheme } from '../source.js';
import { HUB_SIGNATURE, hub } from './github.js';

const MIB = 1024 * 1024;

export const meta: Scheme = {
  ...hub,
  headers: () => [HUB_SIGNATURE],
  preset: 'whatsapp',
  bytesMax: 4 * MIB,
  idIsSigned: () => true,
};
