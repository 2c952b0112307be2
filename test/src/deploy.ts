/** The files that a deployment is made of, read as a test wants them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

export interface ComposeService {
  image?: string;
  build?: { context: string; dockerfile: string; target: string };
  entrypoint?: string[];
  command?: string[];
  container_name?: string;
  environment?: Record<string, string | null>;
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
  ports?: string[];
  networks?: string[];
  volumes?: string[];
  depends_on?: string[] | Record<string, { condition: string }>;
  restart?: string;
  read_only?: boolean;
  tmpfs?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  user?: string;
  logging?: { options: Record<string, string> };
  scale?: number;
  pids_limit?: number;
  deploy?: {
    replicas?: number;
    resources?: { limits: { cpus: string; memory: string } };
  };
}

export interface Compose {
  name: string;
  services: Record<string, ComposeService>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
}

export const composeText = read('docker-compose.yml');
export const compose = parse(composeText, { merge: true }) as Compose;
export const services = Object.entries(compose.services);
export const service = (name: string): ComposeService => {
  const found = compose.services[name];
  assert.ok(found, `there is no service ${name}`);
  return found;
};

/** Instructions by stage, continuation lines joined. */
function readDockerfile(): Map<string, { from: string; lines: string[] }> {
  const stages = new Map<string, { from: string; lines: string[] }>();
  let lines: string[] = [];
  const text = read('deploy/Dockerfile').replace(/^\s*#.*\n/gm, '');
  for (const line of text.replace(/\\\n\s*/g, '').split('\n')) {
    const from = /^FROM (\S+) AS (\S+)$/.exec(line);
    if (from !== null) {
      lines = [];
      stages.set(from[2] as string, { from: from[1] as string, lines });
    } else if (line.trim() !== '') lines.push(line);
  }
  return stages;
}

export const stages = readDockerfile();

/** A stage's own instructions after those of the stages that it is built on. */
export function instructions(target: string): string[] {
  const stage = stages.get(target);
  return stage === undefined ? [] : [...instructions(stage.from), ...stage.lines];
}

export function isUser(line: string): boolean {
  return line.startsWith('USER ');
}
