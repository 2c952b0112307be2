/** A delivery as a command for a shell. Uses no page, so that it can be tested without a browser. */

/** A shell refuses a longer argument. */
const ARGUMENT_CHARS_MAX = 30_000;
/** A terminal acts on control characters when they are pasted. A sender may have written any of them. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
// oxlint-disable-next-line no-control-regex
const CONTROL_BUT_NEWLINE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function base64Of(text) {
  const bytes = new TextEncoder().encode(text);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function headerOf([name, value]) {
  // curl leaves a header out when nothing follows its colon
  return `-H ${quoted(value === '' ? `${name};` : `${name}: ${value}`)}`;
}

/**
 * Sends the exact body of `{ source, content_type, headers, body | body_base64 }` to its source at `origin`, with the
 * headers that were kept. There is no signature, because Lyftr keeps none.
 */
export function curlOf({ source, content_type: type, headers, body, body_base64: base64 }, origin) {
  const kept = Object.entries(headers).filter(
    ([name, value]) => name !== 'content-type' && !CONTROL.test(value),
  );
  const parts = [
    `curl ${quoted(`${origin}/webhook/${source}`)}`,
    // without one, curl would send a type of its own
    type === '' || CONTROL.test(type) ? `-H 'content-type:'` : headerOf(['content-type', type]),
    ...kept.map(headerOf),
  ];
  if (body !== undefined && body.length <= ARGUMENT_CHARS_MAX && !CONTROL_BUT_NEWLINE.test(body))
    return [...parts, `--data-raw ${quoted(body)}`].join(' \\\n  ');
  const command = [...parts, '--data-binary @-'].join(' \\\n  ');
  // printf belongs to the shell, so its argument may be as long as a body
  return `printf %s ${quoted(base64 ?? base64Of(body))} | base64 -d |\n${command}`;
}
