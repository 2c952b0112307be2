/** The output of `lyftr up`: coloured lines and a first screen on a terminal, JSON lines otherwise. */
import { createFormatter } from '@lyftr/shared/runtime/readable';
import type { Output } from './supervise.js';

const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Infinity } as const;
export type Level = keyof typeof LEVELS;

const isLevel = (value: string): value is Level => Object.hasOwn(LEVELS, value);

export interface ScreenOptions {
  write(text: string): void;
  isTty: boolean;
  color: boolean;
  /** The level for our own lines and those of Redis. The services filter their own lines. */
  level: string;
}

export interface Screen {
  /** Writes an event of ours or of Redis. */
  event(level: Level, msg: string, fields?: Record<string, unknown>): void;
  /**
   * Writes a line of a child. JSON is passed on, and any other line (such as a crash trace) becomes an event of that
   * child.
   */
  childLine(service: string, line: string, output: Output, pid: number | undefined): void;
  /** Writes text, only on a terminal. */
  text(text: string): void;
}

/** Returns undefined when the line is not a JSON object. */
export function parseRecord(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

export function createScreen(options: ScreenOptions): Screen {
  const threshold = isLevel(options.level) ? LEVELS[options.level] : LEVELS.info;
  const format = options.isTty
    ? createFormatter(options.color)
    : (record: Record<string, unknown>) => `${JSON.stringify(record)}\n`;

  function event(level: Level, msg: string, fields: Record<string, unknown> = {}): void {
    if (LEVELS[level] < threshold) return;
    const time = new Date().toISOString();
    options.write(format({ level, time, service: 'lyftr', pid: process.pid, ...fields, msg }));
  }

  return {
    event,
    childLine(service, line, output, pid) {
      const record = parseRecord(line);
      if (record === undefined) {
        if (line.trim() !== '') event(output === 'stderr' ? 'error' : 'info', line, { service, pid });
      } else options.write(options.isTty ? format(record) : `${line}\n`);
    },
    text(text) {
      if (options.isTty) options.write(text);
    },
  };
}
