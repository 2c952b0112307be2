/** What another site can make a browser send, as bytes: fetch would not let a test set these headers. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { afterEach, beforeEach, test } from 'node:test';
import { SESSION_COOKIE } from './session.js';
import { createDatabase, temporaryDirectory, type TestDirectory } from '@lyftr/store/sqlite/testing';
import { startService, type TestService } from '../testing.js';

const TOKEN = 'token-for-tests';
/** Nothing answers there: a request that is let through is told so with 503. */
const INTAKE = { url: 'http://127.0.0.1:1', secrets: ['secret'] };
const LET_IN = 503;

let directory: TestDirectory;
let service: TestService;

beforeEach(() => {
  directory = temporaryDirectory();
  createDatabase(directory.path).close();
});
afterEach(async () => {
  await service.close();
  directory.remove();
});

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

function send(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(`${service.url}${path}`, { method, headers }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

async function signIn(
  token: string,
  headers: Record<string, string> = {},
  path = '/sign-in',
): Promise<Answer> {
  return send('POST', path, { ...FORM, ...headers }, `token=${encodeURIComponent(token)}`);
}

async function sessionCookie(): Promise<string> {
  const { headers } = await signIn(TOKEN);
  return String(headers['set-cookie']).split(';', 1)[0] as string;
}

test('a browser without a session is sent to the sign-in page, a program gets 401', async () => {
  service = await startService(directory.path, { token: TOKEN });
  const browser = await send('GET', '/docs?a=1', { accept: 'text/html,*/*' });
  assert.equal(browser.status, 303);
  assert.equal(browser.headers['location'], '/sign-in?next=%2Fdocs%3Fa%3D1');
  const program = await send('GET', '/docs', { accept: '*/*' });
  assert.equal(program.status, 401);
  assert.equal(program.headers['www-authenticate'], 'Bearer');
  // a cookie that is held back on the way from another site comes with the second request
  const linked = await send('GET', '/', { accept: 'text/html', 'sec-fetch-site': 'cross-site' });
  assert.equal(linked.status, 200);
  assert.match(linked.text, /http-equiv="refresh"/);
});

test('the token gives a session that opens pages and documentation, and goes where one wanted to', async () => {
  service = await startService(directory.path, { token: TOKEN });
  const answer = await signIn(TOKEN, {}, '/sign-in?next=%2F%3Ftab%3Dmessages');
  assert.equal(answer.status, 303);
  assert.equal(answer.headers['location'], '/?tab=messages');
  const [cookie] = answer.headers['set-cookie'] as string[];
  assert.match(cookie ?? '', /HttpOnly; SameSite=Strict$/);
  assert.doesNotMatch(cookie ?? '', new RegExp(TOKEN));
  const secure = await signIn(TOKEN, { 'x-forwarded-proto': 'https' });
  assert.match(String(secure.headers['set-cookie']), /; Secure$/);
  const headers = { cookie: (cookie ?? '').split(';', 1)[0] as string, accept: 'text/html' };
  for (const path of ['/', '/docs', '/messages', '/console.json'])
    assert.equal((await send('GET', path, headers)).status, 200, path);
  assert.equal(JSON.parse((await send('GET', '/console.json', headers)).text).session, true);
  const out = await send('POST', '/sign-out', { ...headers, 'sec-fetch-site': 'same-origin' });
  assert.equal(out.status, 303);
  assert.match(String(out.headers['set-cookie']), new RegExp(`^${SESSION_COOKIE}=; .*Max-Age=0`));
});

test('nobody is led to another site', async () => {
  service = await startService(directory.path, { token: TOKEN });
  for (const next of [
    '//evil.example/',
    'https://evil.example/',
    '/\\evil.example',
    '/.//evil.example',
    '/%2e//evil.example',
    '/a/..//evil.example/?b',
    '/.\\/evil.example',
    'javascript:1',
    '/sign-in',
  ]) {
    const { headers } = await signIn(TOKEN, {}, `/sign-in?next=${encodeURIComponent(next)}`);
    assert.equal(headers['location'], '/', next);
  }
});

test('a wrong token is told so, and after ten of them one has to wait', async () => {
  service = await startService(directory.path, { token: TOKEN });
  for (let i = 0; i < 10; i++) {
    const { status, headers, text } = await signIn('wrong');
    assert.equal(status, 401);
    assert.equal(headers['set-cookie'], undefined);
    assert.match(text, /role="alert">This token is wrong\./);
  }
  const late = await signIn('wrong');
  assert.equal(late.status, 429);
  assert.equal(late.headers['retry-after'], '60');
  // of this address: another one, as our proxy saw it, is not held up
  const other = await signIn(TOKEN, { 'x-forwarded-for': '127.0.0.1, 203.0.113.7' });
  assert.equal(other.status, 303);
});

test('an address that a client claims is believed only when a trusted proxy says so', async () => {
  service = await startService(directory.path, { token: TOKEN, trustedProxies: '127.0.0.1, 192.0.2.0/24' });
  // the client is 203.0.113.7, whatever it wrote in front of that
  const from = (claim: string) => ({ 'x-forwarded-for': `${claim}, 203.0.113.7, 192.0.2.1` });
  for (let i = 0; i < 10; i++) assert.equal((await signIn('wrong', from(`198.51.100.${i}`))).status, 401);
  assert.equal((await signIn('wrong', from('198.51.100.99'))).status, 429);
  assert.equal((await signIn(TOKEN, { 'x-forwarded-for': '198.51.100.1' })).status, 303);
  await service.close();
  service = await startService(directory.path, { token: TOKEN, trustedProxies: '192.0.2.0/24' });
  for (let i = 0; i < 10; i++)
    assert.equal((await signIn('wrong', { 'x-forwarded-for': `198.51.100.${i}` })).status, 401);
  assert.equal((await signIn('wrong', { 'x-forwarded-for': '198.51.100.99' })).status, 429);
});

test('wrong bearer tokens are limited by address, and the right one never is', async () => {
  service = await startService(directory.path, { token: TOKEN });
  const read = (authorization: string, address = '203.0.113.7') =>
    send('GET', '/messages', { authorization, 'x-forwarded-for': address, accept: 'text/html' });
  for (let i = 0; i < 10; i++) assert.equal((await read(`Bearer wrong-${i}`)).status, 401);
  const late = await read('Bearer wrong');
  assert.equal(late.status, 429);
  assert.equal(late.headers['retry-after'], '60');
  assert.match(late.text, /urn:lyftr:problem:too-many-tries/);
  assert.equal((await read(`Bearer ${TOKEN}`)).status, 200);
  assert.equal((await read('Bearer wrong', '203.0.113.8')).status, 401);
  // what gives no token is no guess
  assert.equal((await send('GET', '/messages', { 'x-forwarded-for': '203.0.113.7' })).status, 401);
  assert.equal((await read('Basic dTpw')).status, 303);
});

test('a page of another site changes nothing, with whatever the browser sends along', async () => {
  service = await startService(directory.path, { token: TOKEN, intake: INTAKE });
  const host = new URL(service.url).host;
  const cookie = await sessionCookie();
  const discard = (headers: Record<string, string>) => send('DELETE', '/dead-letters/1', headers);
  const refused: Record<string, string>[] = [
    { cookie },
    { cookie, 'sec-fetch-site': 'cross-site', origin: `http://${host}` },
    { cookie, 'sec-fetch-site': 'same-site' },
    { cookie, origin: 'http://evil.example' },
    { cookie, origin: 'null' },
    { cookie, origin: `http://${host}.evil.example` },
  ];
  for (const headers of refused) {
    const { status, text } = await discard(headers);
    assert.equal(status, 403, JSON.stringify(headers));
    assert.match(text, /urn:lyftr:problem:cross-site/);
  }
  assert.equal((await discard({ cookie, 'sec-fetch-site': 'same-origin' })).status, LET_IN);
  assert.equal((await discard({ cookie, origin: `http://${host}` })).status, LET_IN);
  const bearer = { authorization: `Bearer ${TOKEN}` };
  assert.equal((await discard({ ...bearer, origin: 'http://evil.example' })).status, LET_IN);
  assert.equal((await discard({ origin: `http://${host}` })).status, 401);
  // nor does it sign anybody in, or keep a stream open
  assert.equal((await signIn(TOKEN, { origin: 'http://evil.example' })).status, 403);
  assert.equal((await send('GET', '/live', { cookie, 'sec-fetch-site': 'cross-site' })).status, 403);
});

test('without a token the same holds, for a browser on this machine reaches its loopback', async () => {
  service = await startService(directory.path, { intake: INTAKE });
  const { host, port } = new URL(service.url);
  const replay = (headers: Record<string, string>) => send('POST', '/dead-letters/1/replay', headers);
  assert.equal((await replay({ origin: 'http://evil.example' })).status, 403);
  assert.equal((await replay({ 'sec-fetch-site': 'cross-site' })).status, 403);
  // let through: there is no such letter
  assert.equal((await replay({ origin: `http://${host}` })).status, 404);
  assert.equal((await replay({})).status, 404);
  for (const name of [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1.evil.example',
    'localhost.evil.example',
  ]) {
    const { status, text } = await send('GET', '/messages', { host: name });
    assert.equal(status, 403, name);
    assert.match(text, /only requests to localhost or to an IP address/);
  }
  for (const name of ['localhost', `LOCALHOST:${port}`, 'lyftr.localhost:1', `[::1]:${port}`, '127.0.0.2'])
    assert.equal((await send('GET', '/messages', { host: name })).status, 200, name);
});

test('where everybody may read without a token, nobody may change anything', async () => {
  service = await startService(directory.path, { anonymousReads: true, intake: INTAKE });
  assert.equal((await send('GET', '/messages', { host: 'lyftr.example' })).status, 200);
  const { discard, replay } = JSON.parse((await send('GET', '/console.json')).text);
  assert.deepEqual([discard, replay], [false, false]);
  for (const [method, path] of [
    ['DELETE', '/dead-letters/1'],
    ['POST', '/dead-letters/1/replay'],
    ['DELETE', '/ledger/missing?difference=0'],
  ] as const) {
    const { status, text } = await send(method, path);
    assert.equal(status, 401, path);
    assert.match(text, /Changes require API_TOKEN\. Set it/);
  }
});
