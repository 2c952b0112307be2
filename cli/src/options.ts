/** Options that several verbs share. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { MESSAGE_ID_CHARS_MAX } from '@lyftr/shared/limits';

/** Receives the exit code of the verb. */
export type Finish = (exitCode: number) => void;

export interface JsonOption {
  /** Print one line of JSON instead of text. */
  json: boolean;
}

export function positive(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value))
    throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return Number(value);
}

export function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('It must be a whole number of at least 0.');
  return Number(value);
}

export function messageId(value: string): string {
  if (value.length < 1 || value.length > MESSAGE_ID_CHARS_MAX)
    throw new InvalidArgumentError(`It must have 1 to ${MESSAGE_ID_CHARS_MAX} characters.`);
  return value;
}

/** Keeps a path before the routes, because a proxy may serve the system under one. */
export function originOf(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search + url.hash + url.username !== '')
    throw new InvalidArgumentError('It must be an origin such as http://127.0.0.1:8000.');
  return url.href.replace(/\/$/, '');
}

export const urlOption = (): Option =>
  new Option(
    '-u, --url <origin>',
    'origin of the system (default: INGEST_URL, or http://127.0.0.1 and PORT)',
  ).argParser(originOf);

export const jsonOption = (): Option =>
  new Option('--json', 'print one line of JSON instead of text').default(false);

/** Ends the command when one of these options is given without the option that they belong to. */
export function requireOption<O extends object>(
  options: O,
  needed: keyof O & string,
  names: readonly (keyof O & string)[],
  command: Command,
): void {
  if (options[needed] !== undefined) return;
  const given = names.find((name) => options[name] !== undefined);
  if (given === undefined) return;
  const flagOf = (name: string): string =>
    command.options.find((option) => option.attributeName() === name)?.long ?? name;
  command.error(`error: ${flagOf(given)} needs ${flagOf(needed)}`);
}

/** Adds examples after the options. Each example is a command line without `lyftr `. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  lyftr ${line}`).join('\n')}`);
}
