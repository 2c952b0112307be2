/** The place behind the first `charsMax` characters. A character beyond U+FFFF is one, and takes two code units. */
function endOf(text: string, charsMax: number): number {
  if (text.length <= charsMax) return text.length;
  let end = 0;
  for (let chars = 0; chars < charsMax && end < text.length; chars++)
    end += (text.codePointAt(end) as number) > 0xffff ? 2 : 1;
  return end;
}

export const hasMoreThan = (text: string, chars: number): boolean => endOf(text, chars) < text.length;

export const cut = (text: string, charsMax: number): string => text.slice(0, endOf(text, charsMax));
