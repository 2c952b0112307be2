/** The command line of a script, which reads it before it sets up, builds or installs anything. */
import util from 'node:util';

/** Ends the process over wrong usage, with one line. */
export function refuse(message) {
  process.stderr.write(`${message} (--help shows the usage)\n`);
  process.exit(2);
}

/**
 * Values and positionals as `parseArgs` returns them for these options. `--help` prints `usage` and ends the process.
 * `--no-install` never arrives here: packages.mjs takes it.
 */
export function readArguments(usage, config = {}) {
  const help = { type: 'boolean', short: 'h', default: false };
  let read;
  try {
    read = util.parseArgs({ ...config, options: { ...config.options, help } });
  } catch (error) {
    // what follows the first sentence is advice for another kind of command
    refuse(error.message.split('. ', 1)[0]);
  }
  if (read.values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  return read;
}

/** The number that the option `name` was given. */
export function numberOf(name, values, { min, max = Number.MAX_SAFE_INTEGER, isWhole = true }) {
  const value = values[name];
  const number = value.trim() === '' ? NaN : Number(value);
  if (!(number >= min && number <= max) || (isWhole && !Number.isInteger(number))) {
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    refuse(`--${name} must be ${isWhole ? 'an integer' : 'a number'} ${range}, not '${value}'`);
  }
  return number;
}

export const NO_INSTALL_USAGE = `  --no-install      install no system package, only say which command installs it
  -h, --help        print this text
`;
