/**
 * Makes text from outside safe for a terminal: writes control and format characters, which could move the cursor, set
 * colours or reverse the direction of text, as `\u{…}`.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
