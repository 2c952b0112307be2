/** Reads Prometheus's text format as far as `GET /metrics` uses it: no timestamps, no exemplars. */

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const SAMPLE = /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/i;
const LABEL = /([a-z_]\w*)="((?:[^"\\]|\\.)*)"/gi;

const unescape = (value: string): string =>
  value.replaceAll(/\\(.)/g, (_escape, character: string) => (character === 'n' ? '\n' : character));

const numberOf = (text: string): number => (/^[-+]Inf$/.test(text) ? Number(`${text}inity`) : Number(text));

/** Comments, empty lines and what is no sample are passed over. */
export function parseSamples(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const match = line.startsWith('#') ? null : SAMPLE.exec(line);
    if (match === null) continue;
    const [, name = '', labels = '', value = ''] = match;
    samples.push({
      name,
      labels: Object.fromEntries(
        Array.from(labels.matchAll(LABEL), ([, label = '', raw = '']) => [label, unescape(raw)]),
      ),
      value: numberOf(value),
    });
  }
  return samples;
}
