/** `lyftr sign` and `lyftr verify`: the signature of exact bytes, as a sender makes it and ingest checks it. */
import { timingSafeEqual } from 'node:crypto';
import type { Command } from 'commander';
import { signatureOf } from '@lyftr/shared/client/client';
import { readClientConfig } from './config.js';
import { EXIT_FAILED } from './exit.js';
import { readInput } from './input.js';
import { examples, jsonOption, type Finish, type JsonOption } from './options.js';
import { findSecret } from './secret.js';

const HEX_SHA256 = /^[0-9a-f]{64}$/i;

async function sign(file: string, { json }: JsonOption): Promise<number> {
  const signature = signatureOf(await readInput(file), findSecret(readClientConfig()));
  process.stdout.write(`${json ? JSON.stringify({ signature }) : signature}\n`);
  return 0;
}

function matches(signature: string, body: Buffer, secret: string | undefined): boolean {
  if (secret === undefined || !HEX_SHA256.test(signature)) return false;
  return timingSafeEqual(Buffer.from(signature, 'hex'), Buffer.from(signatureOf(body, secret), 'hex'));
}

/** Exit code 1 when no secret that the services accept has made the signature. */
async function verify(file: string, signature: string, { json }: JsonOption): Promise<number> {
  const config = readClientConfig();
  const body = await readInput(file);
  const secrets = { current: findSecret(config), previous: config.WEBHOOK_SECRET_PREVIOUS };
  const name = (['current', 'previous'] as const).find((each) => matches(signature, body, secrets[each]));
  const text = name === undefined ? 'not valid' : `valid, by the ${name} secret`;
  const result = { valid: name !== undefined, secret: name ?? null };
  process.stdout.write(`${json ? JSON.stringify(result) : text}\n`);
  return name === undefined ? EXIT_FAILED : 0;
}

const FILE = ['<file>', 'the body, to its last byte; - for standard input'] as const;

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
      .description('say whether an x-signature belongs to a body; exit code 1 when it does not')
      .argument(...FILE)
      .argument('<signature>', '64 hex digits')
      .addOption(jsonOption())
      .action(async (file: string, signature: string, options: JsonOption) =>
        finish(await verify(file, signature, options)),
      ),
    'verify body.json 5e2c…',
  );
}
