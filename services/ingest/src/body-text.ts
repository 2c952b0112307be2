import { isUtf8 } from 'node:buffer';
import type { SourceDelivery } from '@lyftr/shared/batch';

/** A body as it stands in the queue. Text and its bytes are the same thing only when the bytes are UTF-8. */
export const bodyText = (body: Buffer): Pick<SourceDelivery, 'body' | 'encoding'> =>
  isUtf8(body) ? { body: body.toString('utf8') } : { body: body.toString('base64'), encoding: 'base64' };
