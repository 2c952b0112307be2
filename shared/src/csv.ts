/**
 * A cell of CSV that begins with one of these is a formula in a spreadsheet, which may run programs or send what other
 * cells hold. Such a cell is written with an apostrophe in front, which makes it text. So that it can be taken away
 * again, a cell that has apostrophes in front of such a character is given one more.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
const FORMULA = /^'*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;

export function guardCell(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

/** The text that was guarded; a text that was not is returned as it is, unless it looks like one that was. */
export function unguardCell(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell;
}
