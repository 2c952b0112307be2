import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSessions, SESSION_COOKIE, SESSION_SECONDS, sessionCookie, sessionValues } from './session.js';

const NOW = Date.UTC(2024, 2, 9, 16);
const sessions = createSessions('the token');

test('a session holds until its time, with every service that has the same token', () => {
  const value = sessions.issue(NOW);
  assert.doesNotMatch(value, /token/);
  const end = NOW + SESSION_SECONDS * 1_000;
  assert.equal(sessions.isValid(value, NOW), true);
  assert.equal(createSessions('the token').isValid(value, end - 1), true);
  assert.equal(sessions.isValid(value, end), false);
  assert.equal(createSessions('another token').isValid(value, NOW), false);
});

test('a session whose time was moved, or of another shape, is none', () => {
  const [version, expiry, sealed] = sessions.issue(NOW).split('.') as [string, string, string];
  const wrong = [
    '',
    'the token',
    `${version}.${Number(expiry) + 1}.${sealed}`,
    `${version}.${expiry}.${sealed.slice(1)}`,
    `${version}.${expiry}.${sealed.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))}`,
    `${version}.${expiry}.${sealed}.`,
    `v2.${expiry}.${sealed}`,
  ];
  for (const value of wrong) assert.equal(sessions.isValid(value, NOW), false, value);
});

test('only the token itself signs in', () => {
  assert.equal(sessions.isToken('the token'), true);
  for (const candidate of ['', 'the toke', 'the token ', 'THE TOKEN'])
    assert.equal(sessions.isToken(candidate), false);
});

test('the cookie is out of reach of scripts and of other sites, and of plain http where it came by https', () => {
  const cookie = sessionCookie('value', false);
  assert.match(
    cookie,
    new RegExp(`^${SESSION_COOKIE}=value; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict$`),
  );
  assert.match(sessionCookie('value', true), /; Secure$/);
  assert.match(sessionCookie(undefined, true), /=; Path=\/; Max-Age=0; /);
});

test('it is found among other cookies, every time it is there', () => {
  assert.deepEqual(sessionValues(undefined), []);
  assert.deepEqual(sessionValues(`a=1; ${SESSION_COOKIE}=x.y;${SESSION_COOKIE}=z; ${SESSION_COOKIE}`), [
    'x.y',
    'z',
  ]);
  assert.deepEqual(sessionValues(`not_${SESSION_COOKIE}=x`), []);
});
