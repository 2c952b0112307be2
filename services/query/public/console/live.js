/** The stream of samples, kept for five minutes, and what follows from two of them: rates. */
import { get, signIn } from './api.js';

const KEPT_MAX = 300;
/** Counters arrive once a second from each process, at its own moment: a rate over four seconds is calm. */
const RATE_SAMPLES = 4;
const GAP_MS = 6_000;
const RETRY_MS = 4_000;
/** What has not been heard of for this long is not known any more. A sample comes each second. */
const SILENT_MS = 3_000;
const CHECK_MS = 500;

const samples = [];
const listeners = new Set();
let source;
/** When the last sample came, of this connection, and when the connection was begun. */
let heardAt = -Infinity;
let openedAt = -Infinity;
let isLost = false;
let told = 'connecting';

/** `known`; or why the last sample may not be true any more: `connecting`, `lost`, `silent`. */
export function heard() {
  const now = performance.now();
  if (now - heardAt <= SILENT_MS) return 'known';
  if (isLost) return 'lost';
  return now - openedAt <= SILENT_MS ? 'connecting' : 'silent';
}

const tell = () => {
  told = heard();
  for (const listener of listeners) listener();
};

function keep(sample) {
  if (samples.length > 0 && sample.at <= samples.at(-1).at) return;
  samples.push(sample);
  if (samples.length > KEPT_MAX) samples.shift();
}

/** Of the last sample; where Redis missed a single one, of the one before it: one slow answer is no outage. */
export function latestIndex() {
  const last = samples.length - 1;
  return samples[last]?.redis === false && samples[last - 1]?.redis === true ? last - 1 : last;
}

export const latest = () => samples[latestIndex()];
export const all = () => samples;

export function onSample(listener) {
  listeners.add(listener);
}

/** Growth per second of a counter at sample `index`; null where it cannot be told. */
export function rateAt(index, counter) {
  const now = samples[index];
  const before = samples[Math.max(0, index - RATE_SAMPLES)];
  if (now === before || now.at - before.at > GAP_MS) return null;
  const [to, from] = [counter(now), counter(before)];
  if (to === null || from === null || to === undefined || from === undefined) return null;
  // Redis may have come back with an older copy
  return Math.max(0, ((to - from) * 1_000) / (now.at - before.at));
}

/** Mean seconds from acceptance to commit, of the batches between two samples; null when there was none. */
export function storeLagAt(index) {
  const now = samples[index]?.store_lag;
  const before = samples[Math.max(0, index - RATE_SAMPLES)]?.store_lag;
  if (!now || !before || now.batches <= before.batches) return null;
  return Math.max(0, now.seconds - before.seconds) / (now.batches - before.batches);
}

/** The browser gives up for good on an answer other than 200: is it the session, or is it busy? */
async function afterFailure() {
  try {
    await get('/console.json');
  } catch (error) {
    if (error.status === 401) return signIn();
  }
  setTimeout(() => {
    if (!document.hidden) open();
  }, RETRY_MS);
}

function open() {
  source?.close();
  heardAt = -Infinity;
  openedAt = performance.now();
  isLost = false;
  source = new EventSource('/live');
  source.addEventListener('history', ({ data }) => {
    // of the past: it is no sign that the figures go on
    for (const sample of JSON.parse(data)) keep(sample);
    tell();
  });
  source.addEventListener('sample', ({ data }) => {
    keep(JSON.parse(data));
    heardAt = performance.now();
    isLost = false;
    tell();
  });
  source.addEventListener('error', () => {
    heardAt = -Infinity;
    isLost = true;
    tell();
    if (source.readyState === EventSource.CLOSED) void afterFailure();
  });
}

/** A tab that nobody sees asks for nothing. */
export function startLive() {
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) source?.close();
    else open();
  });
  if (!document.hidden) open();
  setInterval(() => {
    if (!document.hidden && heard() !== told) tell();
  }, CHECK_MS);
}
