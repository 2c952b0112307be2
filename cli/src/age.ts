const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** Formats a duration with its two largest units: `3d 4h`, `12m 5s`, `0s`. */
export function age(seconds: number): string {
  let rest = Math.floor(seconds);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || parts.length > 0 || unit === 's') parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join(' ');
}
