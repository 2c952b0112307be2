/**
 * Text that came from outside, safe to show on a terminal: control and format characters (which would move the cursor,
 * set colours or turn the direction of writing round) as `\u{…}`.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
