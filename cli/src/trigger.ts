/** `lyftr trigger`: sends an example of a provider's deliveries, signed as the provider signs. */
import type { Command } from 'commander';
import { exampleEvents, exampleProviders, readExample } from '@lyftr/sources/examples';
import { openClient, type ClientOptions } from './client.js';
import { readClientConfig } from './config.js';
import { EXIT_USAGE, ExitError } from './exit.js';
import { freshExample, idHeaderOf } from './fresh.js';
import { examples, jsonOption, urlOption, type Finish, type JsonOption } from './options.js';
import { printAnswer, providerRequest, queryText, sendRequest } from './provider-request.js';
import { PROVIDERS } from './providers.js';
import {
  openSourceSigner,
  privateKeyOption,
  sourcesFile,
  sourcesOption,
  type SignerOptions,
} from './source-signer.js';
import { readWritten, type WrittenSource } from './written.js';

interface TriggerOptions extends ClientOptions, SignerOptions, JsonOption {
  /** Default: the only source of the provider. */
  source?: string;
  query?: string;
  /** Send the example as it is. A second one is then a duplicate. */
  same: boolean;
}

function listExamples(providers: readonly string[], json: boolean): number {
  const all = providers.flatMap((provider) => exampleEvents(provider).map((event) => ({ provider, event })));
  const lines = all.map(({ provider, event }) => `${provider} ${event}`);
  process.stdout.write(`${json ? JSON.stringify({ examples: all }) : lines.join('\n')}\n`);
  return 0;
}

/** Whether a source can be one of this provider: by its scheme, and by the header of its token where it has one. */
function fits(provider: string, source: WrittenSource): boolean {
  const expected = PROVIDERS[provider]?.members('');
  if (source.scheme !== (expected?.scheme ?? provider)) return false;
  return source.token?.header?.toLowerCase() === expected?.token?.header.toLowerCase();
}

/** The name of the only source of the provider. Throws ExitError when there is no such source, or more than one. */
function onlySource(provider: string, file: string): string {
  const names = readWritten(file)
    .sources.filter((source) => fits(provider, source))
    .flatMap(({ name }) => (name === undefined ? [] : [name]));
  const [name] = names;
  if (names.length === 1 && name !== undefined) return name;
  const found = names.length === 0 ? 'no source' : `the sources ${names.join(', ')}`;
  throw new ExitError(EXIT_USAGE, `${file} has ${found} of ${provider}: name one with --source`);
}

async function trigger(
  provider: string | undefined,
  event: string | undefined,
  options: TriggerOptions,
  command: Command,
): Promise<number> {
  const providers = exampleProviders();
  if (provider === undefined) return listExamples(providers, options.json);
  if (!providers.includes(provider))
    command.error(`error: no examples of ${provider}; there are examples of ${providers.join(', ')}`);
  if (event === undefined) return listExamples([provider], options.json);
  const events = exampleEvents(provider);
  if (!events.includes(event))
    command.error(`error: no example ${event} of ${provider}; there are ${events.join(', ')}`);

  const config = readClientConfig();
  const name = options.source ?? onlySource(provider, sourcesFile(options, config));
  const signer = await openSourceSigner(name, options, config);
  const example = freshExample(readExample(provider, event), Date.now(), options.same);
  const request = providerRequest(signer, {
    ...example,
    deliveryId: idHeaderOf(example.headers),
    query: options.query,
  });
  printAnswer(name, await sendRequest(openClient(config, options), request), options.json);
  return 0;
}

export function addTrigger(program: Command, finish: Finish): void {
  examples(
    program
      .command('trigger')
      .description("send an example of a provider's deliveries, signed as the provider signs")
      .argument('[provider]', 'the provider; without it, the examples are listed')
      .argument('[event]', 'the example')
      .option('-s, --source <name>', 'the source (default: the only source of this provider)')
      .addOption(sourcesOption())
      .addOption(privateKeyOption())
      .option('--query <query>', 'query of the address at the provider', queryText)
      .option('--same', 'send the ids and times of the example, so that a second one is a duplicate', false)
      .addOption(urlOption())
      .addOption(jsonOption())
      .action(
        async (
          provider: string | undefined,
          event: string | undefined,
          options: TriggerOptions,
          command: Command,
        ) => finish(await trigger(provider, event, options, command)),
      ),
    'trigger',
    'trigger whatsapp text --sources sources.json',
    'trigger github push --source code',
  );
}
