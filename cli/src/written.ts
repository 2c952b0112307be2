/** A sources file as it is written: for commands that need its names, or add to it. Its values are not checked. */
import { existsSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';

export interface WrittenSource {
  name?: string;
  scheme?: string;
  token?: { header?: string };
}

export interface Written {
  sources: WrittenSource[];
}

/** Throws when it is not a sources file. */
export function readWritten(file: string): Written {
  const check = `run \`lyftr sources check ${file}\``;
  const text = readFileSync(file, 'utf8');
  let content: Partial<Written> | null;
  try {
    content = JSON.parse(text) as Partial<Written> | null;
  } catch {
    throw new Error(`${file} is not JSON: ${check}`);
  }
  const { sources } = content ?? {};
  const isObject = (source: unknown): boolean => typeof source === 'object' && source !== null;
  if (!Array.isArray(sources) || !sources.every(isObject))
    throw new Error(`${file} is not a sources file: ${check}`);
  return content as Written;
}

/** Replaces the file at once, because a service may read it at any time. Keeps its mode. */
export function writeWritten(file: string, content: Written): void {
  const target = existsSync(file) ? realpathSync(file) : file;
  const mode = existsSync(target) ? statSync(target).mode & 0o777 : 0o644;
  const partial = `${target}.partial-${process.pid}`;
  writeFileSync(partial, `${JSON.stringify(content, undefined, 2)}\n`, { mode, flag: 'wx' });
  renameSync(partial, target);
}
