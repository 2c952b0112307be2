/** What a PromQL expression asks for, by Prometheus's own grammar; and whether a metrics page has it. */
import { parser } from '@prometheus-io/lezer-promql';

export interface Selector {
  metric: string;
  /** Label → the value that it has to equal, or undefined where it has to match, or to differ. */
  labels: Map<string, string | undefined>;
}

/** The series that `expression` selects. Throws when it is not PromQL. */
export function selectorsOf(expression: string): Selector[] {
  const selectors: Selector[] = [];
  const text = (node: { from: number; to: number }) => expression.slice(node.from, node.to);
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`no PromQL at character ${node.from}: ${expression}`);
      if (node.name === 'VectorSelector') {
        const metric = node.node.getChild('Identifier');
        selectors.push({ metric: metric === null ? '' : text(metric), labels: new Map() });
      }
      if (node.name !== 'UnquotedLabelMatcher') return;
      const [label, operator, value] = ['LabelName', 'MatchOp', 'StringLiteral'].map((name) => {
        const child = node.node.getChild(name);
        return child === null ? '' : text(child);
      }) as [string, string, string];
      selectors.at(-1)?.labels.set(label, operator === '=' ? value.slice(1, -1) : undefined);
    },
  });
  return selectors;
}

export interface PageSample {
  metric: string;
  labels: Record<string, string>;
}

export function samplesOf(page: string): PageSample[] {
  return page.split('\n').flatMap((line) => {
    const sample = /^([a-z_]\w*)(?:\{(.*)\})? \S+$/i.exec(line);
    if (sample === null) return [];
    const labels = [...(sample[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
    return [
      {
        metric: sample[1] as string,
        labels: Object.fromEntries(labels.map(([, label, value]) => [label, value])) as Record<
          string,
          string
        >,
      },
    ];
  });
}

/** Labels that a scrape adds. */
const OF_THE_SCRAPE = new Set(['job', 'instance']);

/** What the page lacks of that which `selector` asks for, or undefined when one of its samples can be meant. */
export function lacking(samples: readonly PageSample[], { metric, labels }: Selector): string | undefined {
  const found = samples.filter((sample) => sample.metric === metric);
  if (found.length === 0) return `there is no ${metric}`;
  for (const [label, value] of labels) {
    if (OF_THE_SCRAPE.has(label)) continue;
    const values = new Set(found.flatMap((sample) => sample.labels[label] ?? []));
    if (values.size === 0) return `${metric} has no label ${label}`;
    if (value !== undefined && !values.has(value)) return `${metric} has no ${label}="${value}"`;
  }
  return undefined;
}
