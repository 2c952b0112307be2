/** The `GET` with which Meta asks whether an address belongs to the owner of an app. */
import { hash, timingSafeEqual } from 'node:crypto';
import { queryOf } from './url.js';

const CHALLENGE = /^[A-Za-z0-9._~-]{1,256}$/;

const digest = (text: string): Buffer => hash('sha256', text, 'buffer');

/** Returns the challenge to answer with; undefined when the token or anything else is not right. */
export function answerChallenge(url: string, verifyToken: string): string | undefined {
  const query = new URLSearchParams(queryOf(url));
  const only = (name: string): string => {
    const [value = '', another] = query.getAll(name);
    return another === undefined ? value : '';
  };
  const isRight = timingSafeEqual(digest(only('hub.verify_token')), digest(verifyToken));
  const challenge = only('hub.challenge');
  return isRight && only('hub.mode') === 'subscribe' && CHALLENGE.test(challenge) ? challenge : undefined;
}
