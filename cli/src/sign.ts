/** `lyftr sign` and `lyftr verify`: make and check the signature of exact bytes, like senders and ingest. */
import type { Command } from 'commander';
import { builtInSource, signBuiltIn } from '@lyftr/sources/open';
import { SIGNATURE_HEADER } from '@lyftr/sources/schemes/lyftr';
import { readClientConfig } from './config.js';
import { EXIT_FAILED } from './exit.js';
import { readInput } from './input.js';
import { examples, jsonOption, requireOption, type Finish, type JsonOption } from './options.js';
import { queryText, sourcePath } from './provider-request.js';
import { findSecret } from './secret.js';
import { openSourceSigner, privateKeyOption, sourcesOption, type SignerOptions } from './source-signer.js';

interface SignOptions extends SignerOptions, JsonOption {
  source?: string;
  query?: string;
  deliveryId?: string;
}

/** The headers that the provider of a source would send with this body. */
async function signForSource(source: string, body: Buffer, options: SignOptions): Promise<number> {
  const { deliveryId, json } = options;
  const { sign: signer } = await openSourceSigner(source, options, readClientConfig());
  const url = sourcePath(source, options.query);
  const headers = signer({ body, url, ...(deliveryId === undefined ? {} : { deliveryId }) });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  process.stdout.write(`${json ? JSON.stringify({ headers }) : lines.join('\n')}\n`);
  return 0;
}

async function sign(file: string, options: SignOptions, command: Command): Promise<number> {
  requireOption(options, 'source', ['sources', 'privateKey', 'query', 'deliveryId'], command);
  const body = await readInput(file);
  if (options.source !== undefined) return signForSource(options.source, body, options);
  const signature = signBuiltIn(body, findSecret(readClientConfig()))[SIGNATURE_HEADER];
  process.stdout.write(`${options.json ? JSON.stringify({ signature }) : signature}\n`);
  return 0;
}

/** Exit code 1 when the signature is not valid under any secret that the services accept. */
async function verify(file: string, signature: string, { json }: JsonOption): Promise<number> {
  const config = readClientConfig();
  const body = await readInput(file);
  const source = builtInSource(findSecret(config), config.WEBHOOK_SECRET_PREVIOUS);
  const headers = { [SIGNATURE_HEADER]: signature };
  const verdict = source.verify({ method: 'POST', url: '', headers, body, nowMs: Date.now() });
  const name = 'ok' in verdict ? verdict.ok.keyId : undefined;
  const text = name === undefined ? 'not valid' : `valid, by the ${name} secret`;
  const result = { valid: name !== undefined, secret: name ?? null };
  process.stdout.write(`${json ? JSON.stringify(result) : text}\n`);
  return name === undefined ? EXIT_FAILED : 0;
}

const FILE = ['<file>', 'file with the exact bytes of the body; - for standard input'] as const;

export function addSign(program: Command, finish: Finish): void {
  examples(
    program
      .command('sign')
      .description(
        'print the x-signature of a body, or with --source the headers that its provider would send',
      )
      .argument(...FILE)
      .option('-s, --source <name>', 'sign as the provider of this source, with its first key')
      .addOption(sourcesOption())
      .addOption(privateKeyOption())
      .option(
        '--query <query>',
        'query of the address at the provider, when the address is signed',
        queryText,
      )
      .option('--delivery-id <id>', 'id of the delivery (default: a new one)')
      .addOption(jsonOption())
      .action(async (file: string, options: SignOptions, command: Command) =>
        finish(await sign(file, options, command)),
      ),
    'sign body.json',
    "sign -    # printf %s '{…}' | lyftr sign -",
    'sign event.json --source payments --sources sources.json',
  );
}

export function addVerify(program: Command, finish: Finish): void {
  examples(
    program
      .command('verify')
      .description('check whether an x-signature is valid for a body; exit code 1 when it is not')
      .argument(...FILE)
      .argument('<signature>', '64 hex digits')
      .addOption(jsonOption())
      .action(async (file: string, signature: string, options: JsonOption) =>
        finish(await verify(file, signature, options)),
      ),
    'verify body.json 5e2c…',
  );
}
