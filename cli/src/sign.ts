/** `lyftr sign` and `lyftr verify`: make and check the signature of exact bytes, like senders and ingest. */
import type { Command } from 'commander';
import { builtInSource, signBuiltIn } from '@lyftr/sources/open';
import { SIGNATURE_HEADER } from '@lyftr/sources/schemes/lyftr';
import { readClientConfig } from './config.js';
import { EXIT_FAILED } from './exit.js';
import { readInput } from './input.js';
import { examples, jsonOption, type Finish, type JsonOption } from './options.js';
import { findSecret } from './secret.js';

async function sign(file: string, { json }: JsonOption): Promise<number> {
  const headers = signBuiltIn(await readInput(file), findSecret(readClientConfig()));
  const signature = headers[SIGNATURE_HEADER];
  process.stdout.write(`${json ? JSON.stringify({ signature }) : signature}\n`);
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
      .description('print the x-signature of a body')
      .argument(...FILE)
      .addOption(jsonOption())
      .action(async (file: string, options: JsonOption) => finish(await sign(file, options))),
    'sign body.json',
    "sign -    # printf %s '{…}' | lyftr sign -",
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
