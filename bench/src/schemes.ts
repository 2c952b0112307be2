/** What a delivery of each scheme costs, and GitHub's against a bare server that verifies it and drops the body. */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { headerLines } from '@lyftr/cli/sender';
import { openSigner } from '@lyftr/sources/open';
import { SCHEME_NAMES, type SchemeName } from '@lyftr/sources/source';
import { keyOf, settingsOf, TIMED } from '@lyftr/sources/testing';
import { Process, type System } from '@lyftr/test/system';
import { measure, pidsOf, startOurs, type Benchmark, type Context, type Measurement } from './context.js';
import type { RequestFile } from './requests.js';
import { compared, type Row } from './results.js';

const CONNECTIONS = 64;
/** Distinct for longer than a measurement takes. */
const REQUESTS_PER_FILE = 60_000;
const LARGE_REQUESTS_PER_FILE = 15_000;
const BODY_BYTES = 1_000;
const LARGE_BODY_BYTES = 10_000;
const PAD_MAX = 8;

type RequestFiles = readonly [RequestFile, RequestFile];

const fill = (head: string, tail: string, bytes: number): string =>
  head + 'x'.repeat(bytes - head.length - tail.length) + tail;

/** A body that its scheme's mapping makes one message of, with an id of its own. */
function bodyOf(scheme: SchemeName, index: number, bytes: number): string {
  const id = String(index).padStart(9, '0');
  switch (scheme) {
    case 'twilio':
      return fill(`MessageSid=SM${id}&From=%2B14155550100&To=%2B14155550101&Body=hello+`, '', bytes);
    case 'lyftr':
      return fill(
        `{"message_id":"${id}","from":"a","to":"b","ts":1710000000,"text":"hello","more":"`,
        '"}',
        bytes,
      );
    case 'meta': {
      const message = `{"from":"15550100","id":"${id}","timestamp":"1710000000","type":"text","text":{"body":"hello"}}`;
      const head = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550101","phone_number_id":"1"},"messages":[${message}]}}]}],"more":"`;
      return fill(head, '"}', bytes);
    }
    case 'github':
      return fill(
        `{"action":"opened","issue":{"title":"hello ${id}"},"repository":{"full_name":"a/b"},"sender":{"login":"c"},"more":"`,
        '"}',
        bytes,
      );
    case 'slack':
      return fill(
        `{"type":"event_callback","team_id":"T1","event_id":"Ev${id}","event_time":1710000000,"event":{"type":"message","user":"U1","channel":"C1","text":"hello"},"more":"`,
        '"}',
        bytes,
      );
    default:
      return fill(
        `{"id":"${id}","event_id":"${id}","type":"customer.created","created":1710000000,"webhookTimestamp":${Date.now()},"data":{"object":{"id":"cus_1"}},"more":"`,
        '"}',
        bytes,
      );
  }
}

/** Requests of one length: a header fills up what signatures differ by. */
function writeDeliveries(
  dir: string,
  scheme: SchemeName,
  { first, count, bytes }: { first: number; count: number; bytes: number },
): RequestFile {
  const file = join(dir, `${scheme}-${bytes}-${first}.bin`);
  const path = `/webhook/${scheme}`;
  const sign = openSigner({ ...settingsOf(scheme), name: scheme, scheme }, keyOf(scheme).signing);
  const type = scheme === 'twilio' ? 'application/x-www-form-urlencoded' : 'application/json';
  const fd = openSync(file, 'w');
  let length = 0;
  let chunk: string[] = [];
  for (let index = first; index < first + count; index++) {
    const body = bodyOf(scheme, index, bytes);
    const headers = headerLines({ 'content-type': type, ...sign({ body, url: path }) }).join('');
    const request = (pad: number): string =>
      `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}X-Pad: ${'x'.repeat(pad)}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    if (length === 0) length = request(PAD_MAX).length;
    chunk.push(request(length - request(0).length));
    if (chunk.length >= 500 || index === first + count - 1) {
      writeSync(fd, chunk.join(''));
      chunk = [];
    }
  }
  closeSync(fd);
  return { file, bytesPerRequest: length };
}

function makeFiles(dir: string, scheme: SchemeName, count: number, bytes: number): RequestFiles {
  return [
    writeDeliveries(dir, scheme, { first: 0, count, bytes }),
    writeDeliveries(dir, scheme, { first: count, count, bytes }),
  ];
}

/** One source for each scheme, named after it. Times are accepted for an hour: the requests are signed beforehand. */
function writeSources(dir: string): { SOURCES_FILE: string } {
  const sources = SCHEME_NAMES.map((scheme) => {
    const file = join(dir, `key-${scheme}`);
    writeFileSync(file, keyOf(scheme).verifying);
    const { toleranceSeconds: _, ...settings } = settingsOf(scheme);
    return {
      name: scheme,
      scheme,
      keys: [{ id: 'main', file }],
      ...(TIMED.has(scheme) ? { tolerance_seconds: 3_600 } : {}),
      ...settings,
    };
  });
  const file = join(dir, 'sources.json');
  writeFileSync(file, JSON.stringify({ sources }));
  return { SOURCES_FILE: file };
}

async function measureSystem(
  context: Context,
  env: { SOURCES_FILE?: string },
  files: RequestFiles,
): Promise<Measurement> {
  const system: System = await startOurs(env);
  try {
    const pids = pidsOf(system);
    const shape = { connections: CONNECTIONS, files };
    await measure(system.origin, pids, { ...shape, seconds: 1 });
    return await measure(system.origin, pids, { ...shape, seconds: context.seconds });
  } finally {
    await system.stop();
  }
}

async function measureBare(context: Context, files: RequestFiles): Promise<Measurement> {
  const file = fileURLToPath(new URL('peers/bare-github.js', import.meta.url));
  const env = { PORT: '0', GITHUB_SECRET: keyOf('github').signing, NODE_ENV: 'production' };
  const bare = new Process('bare', process.execPath, [file], env);
  try {
    const origin = `http://127.0.0.1:${await bare.port()}`;
    const pids = { bare: bare.child.pid as number };
    const shape = { connections: CONNECTIONS, files };
    await measure(origin, pids, { ...shape, seconds: 1 });
    return await measure(origin, pids, { ...shape, seconds: context.seconds });
  } finally {
    await bare.stop();
  }
}

const cpuOf = (measurements: readonly Measurement[]): Record<string, number> =>
  Object.fromEntries(
    Object.keys(measurements[0]?.cpu ?? {}).map((name) => [
      name,
      measurements.reduce((sum, { cpu }) => sum + (cpu[name] ?? 0), 0) / measurements.length,
    ]),
  );

async function againstBare(context: Context, env: { SOURCES_FILE: string }): Promise<Row> {
  const files = makeFiles(context.dir, 'github', LARGE_REQUESTS_PER_FILE, LARGE_BODY_BYTES);
  const rounds: { ours: Measurement; bare: Measurement }[] = [];
  for (let round = 0; round < context.rounds; round++) {
    const bare = await measureBare(context, files);
    const ours = await measureSystem(context, env, files);
    context.say(`github, 10 kB: ours ${Math.round(ours.perSecond)}, bare ${Math.round(bare.perSecond)}`);
    rounds.push({ ours, bare });
  }
  const pairs = rounds.map(({ ours, bare }) => ({ ours: ours.perSecond, peer: bare.perSecond }));
  const cpu = { ...cpuOf(rounds.map(({ ours }) => ours)), ...cpuOf(rounds.map(({ bare }) => bare)) };
  const peer = 'bare node:http that verifies the signature and drops the body';
  return compared('github, bodies of 10 kB, acknowledged/s', peer, pairs, { atLeast: 0.7 }, cpu);
}

export const schemes: Benchmark = {
  name: '93-schemes',
  title: 'Deliveries of sources, by scheme',
  async run(context) {
    const env = writeSources(context.dir);
    const files = new Map(
      SCHEME_NAMES.map((scheme) => [scheme, makeFiles(context.dir, scheme, REQUESTS_PER_FILE, BODY_BYTES)]),
    );
    const defaults: Measurement[] = [];
    const without: Measurement[] = [];
    const measured = new Map<SchemeName, Measurement[]>(SCHEME_NAMES.map((scheme) => [scheme, []]));
    for (let round = 0; round < context.rounds; round++) {
      without.push(await measureSystem(context, {}, context.singles));
      defaults.push(await measureSystem(context, env, context.singles));
      for (const [scheme, requests] of files) {
        const result = await measureSystem(context, env, requests);
        context.say(`${scheme}: ${Math.round(result.perSecond)}/s`);
        measured.get(scheme)?.push(result);
      }
    }
    const pairsOf = (ours: readonly Measurement[], peers: readonly Measurement[]) =>
      ours.map(({ perSecond }, round) => ({ ours: perSecond, peer: peers[round]?.perSecond ?? NaN }));
    const rows = [
      compared(
        'POST /webhook with 16 sources, acknowledged/s',
        'POST /webhook without sources',
        pairsOf(defaults, without),
        { atLeast: 0.98 },
        cpuOf(defaults),
      ),
    ];
    for (const [scheme, results] of measured) {
      const figure = `${scheme}, bodies of 1 kB, acknowledged/s`;
      rows.push(
        compared(
          figure,
          'POST /webhook, bodies of 142 bytes',
          pairsOf(results, defaults),
          undefined,
          cpuOf(results),
        ),
      );
    }
    rows.push(await againstBare(context, env));
    return rows;
  },
};
