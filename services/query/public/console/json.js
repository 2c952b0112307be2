/**
 * JSON text as a value. A number that would be rounded is kept in the letters in which it was written, where the browser
 * can (Chrome 114, Firefox 135, Safari 18.4); JSON.stringify writes it so again.
 */
export function parseJson(text) {
  return JSON.parse(text, (_name, value, context) => {
    const isRounded = typeof value === 'number' && String(value) !== (context?.source ?? String(value));
    return isRounded && 'rawJSON' in JSON ? JSON.rawJSON(context.source) : value;
  });
}
