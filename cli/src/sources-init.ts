/** `lyftr sources init`: writes the source of a provider, and says what to do at the provider. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Argument, InvalidArgumentError, type Command } from 'commander';
import { isSourceName } from '@lyftr/shared/sources';
import { examples, jsonOption, originOf, type Finish, type JsonOption } from './options.js';
import { RELOAD, sourceOf, type Place, type Provider } from './provider.js';
import { PROVIDERS } from './providers.js';
import { readWritten, writeWritten, type Written } from './written.js';

interface InitOptions extends JsonOption {
  /** Default: the name of the provider. */
  name?: string;
  /** The sources file. Undefined: print the source. */
  file?: string;
  /** Where the provider reaches Lyftr. */
  origin: string;
}

const SECRET_BYTES = 32;
const FOLDER = 'secrets';

function sourceName(value: string): string {
  if (!isSourceName(value))
    throw new InvalidArgumentError('It must have 1 to 32 characters of a-z, 0-9 and -, with no - at an end.');
  return value;
}

/** Keeps a secret that is there. Only the owner may read it. */
function createSecret(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (existsSync(file)) return;
  writeFileSync(file, `${randomBytes(SECRET_BYTES).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
}

function stepsOf(provider: Provider, place: Place, file: string | undefined): string[] {
  const { address, secret, token } = place;
  const shown = file ?? 'sources.json';
  const reload =
    file === undefined
      ? `Add the source to the file that SOURCES_FILE names. Then run \`lyftr sources check\` with that file, and \`lyftr sources reload\`.`
      : `Run \`lyftr sources check ${shown}\`. Then run \`lyftr sources reload\`, or start Lyftr with SOURCES_FILE=${shown}.`;
  return provider.steps.map((step) =>
    step === RELOAD
      ? reload
      : step
          .replace('{address}', () => address)
          .replace('{secret}', () => secret)
          .replace('{token}', () => token),
  );
}

function init(providerName: string, { name = providerName, origin, json, ...options }: InitOptions): number {
  const provider = PROVIDERS[providerName] as Provider;
  const file = options.file === undefined ? undefined : resolve(options.file);
  const content: Written = file !== undefined && existsSync(file) ? readWritten(file) : { sources: [] };
  if (content.sources.some((source) => source.name === name))
    throw new Error(`${file} has a source ${name} already: choose another name with --name`);

  const folder = resolve(file === undefined ? '.' : dirname(file), FOLDER);
  const paths = { secret: join(folder, name), token: join(folder, `${name}-verify-token`) };
  const place = { name, address: `${origin}/webhook/${name}`, ...paths };
  // relative to the sources file, so that both can be moved
  const inFile = { secret: `${FOLDER}/${name}`, token: `${FOLDER}/${name}-verify-token` };
  const source = sourceOf(provider, { ...place, ...(file === undefined ? {} : inFile) });

  if (file !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (provider.isSecretChosen) createSecret(paths.secret);
  if (provider.hasVerifyToken === true) createSecret(paths.token);
  if (file !== undefined) writeWritten(file, { ...content, sources: [...content.sources, source] });

  const steps = stepsOf(provider, place, file);
  if (json) {
    const { address } = place;
    process.stdout.write(`${JSON.stringify({ source, address, file: file ?? null, steps })}\n`);
    return 0;
  }
  const lines = steps.map((step, index) => `${index + 1}. ${step}`);
  const done = file === undefined ? '' : `${provider.title}: added source ${name} to ${file}\n\n`;
  if (file === undefined) process.stdout.write(`${JSON.stringify(source, undefined, 2)}\n`);
  // standard output is for the source
  (file === undefined ? process.stderr : process.stdout).write(`${done}${lines.join('\n')}\n`);
  return 0;
}

export function addSourcesInit(group: Command, finish: Finish): void {
  examples(
    group
      .command('init')
      .description('write the source of a provider, and say what to do at the provider')
      .addArgument(new Argument('<provider>', 'the provider').choices(Object.keys(PROVIDERS)))
      .option('--name <name>', 'name of the source (default: the name of the provider)', sourceName)
      .option('--file <file>', 'sources file to add it to; created when it is not there (default: print it)')
      .option(
        '--origin <origin>',
        'origin at which the provider reaches Lyftr',
        originOf,
        'https://hooks.example.com',
      )
      .addOption(jsonOption())
      .addHelpText(
        'after',
        `\nA secret that you choose is generated in the folder ${FOLDER} beside the file. A secret that the provider shows is to be put there.`,
      )
      .action((provider: string, options: InitOptions) => finish(init(provider, options))),
    'sources init github --file sources.json --origin https://hooks.example.com',
    'sources init whatsapp --name support',
  );
}
