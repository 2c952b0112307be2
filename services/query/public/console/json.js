/**
 * Parses JSON. A number that would be rounded keeps its original text if the browser supports that (Chrome 114,
 * Firefox 135, Safari 18.4), and JSON.stringify writes that text again.
 */
export function parseJson(text) {
  return JSON.parse(text, (_name, value, context) => {
    const isRounded = typeof value === 'number' && String(value) !== (context?.source ?? String(value));
    return isRounded && 'rawJSON' in JSON ? JSON.rawJSON(context.source) : value;
  });
}
