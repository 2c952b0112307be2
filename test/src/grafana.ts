/** The dashboard that Grafana is given. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './deploy.js';

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig?: { defaults: { unit: string } };
  targets?: { expr: string; legendFormat: string; datasource: { uid: string } }[];
}

export function readDashboard(): { uid: string; panels: Panel[] } {
  return JSON.parse(readFileSync(join(ROOT, 'deploy/grafana/lyftr.json'), 'utf8')) as {
    uid: string;
    panels: Panel[];
  };
}

/** Every query of every panel; Grafana's own variable is replaced by `rateInterval`. */
export function queriesOf(panels: readonly Panel[], rateInterval: string): { title: string; expr: string }[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ title, expr: expr.replaceAll('$__rate_interval', rateInterval) })),
  );
}
