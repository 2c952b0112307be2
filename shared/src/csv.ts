/**
 * A spreadsheet treats a cell that begins with one of these characters as a formula. A formula can run programs or
 * send the content of other cells elsewhere. We write an apostrophe in front of such a cell, which makes it text. A
 * cell that already has apostrophes in front of such a character gets one more, so that unguardCell can restore the
 * original.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
const FORMULA = /^'*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;

export function guardCell(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

/** Reverses guardCell. Returns any other text unchanged, unless it looks like guarded text. */
export function unguardCell(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell;
}
