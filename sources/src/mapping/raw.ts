/** Any delivery: its body is the text of one message. */
import { TEXT_CHARS_MAX } from '@lyftr/shared/limits';
import { asOne } from './delivery.js';
import { textOf } from './json.js';

const UTF8_BYTES_MAX = 4;

export const raw = asOne(({ source, scheme, id, body }) => ({
  id,
  from: source,
  to: scheme,
  // no more than what is kept of it
  text: textOf(body.subarray(0, UTF8_BYTES_MAX * TEXT_CHARS_MAX)),
}));
