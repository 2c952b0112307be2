/** Receives the stream of samples, keeps five minutes of it, and computes rates from two samples. */
import { get, signIn } from './api.js';

const KEPT_MAX = 300;
/** Each process publishes its counters once a second, at its own moment. A rate over four seconds does not jump. */
const RATE_SAMPLES = 4;
const GAP_MS = 6_000;
const RETRY_MS = 4_000;
/** Without a sample for this long, the state is unknown. A sample arrives every second. */
const SILENT_MS = 3_000;
const CHECK_MS = 500;

const samples = [];
const listeners = new Set();
let source;
/** When the last sample of this connection arrived, and when the connection was started. */
let heardAt = -Infinity;
let openedAt = -Infinity;
let isLost = false;
let told = 'connecting';

/** `known`, or why the last sample may be out of date: `connecting`, `lost`, `silent`. */
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

/**
 * The value of the last sample, or of the one before when only the last one lacks Redis: one slow response is not an
 * outage.
 */
export function latestIndex() {
  const last = samples.length - 1;
  return samples[last]?.redis === false && samples[last - 1]?.redis === true ? last - 1 : last;
}

export const latest = () => samples[latestIndex()];
export const all = () => samples;

export function onSample(listener) {
  listeners.add(listener);
}

/** Growth per second of a counter at sample `index`. Null when it is unknown. */
export function rateAt(index, counter) {
  const now = samples[index];
  const before = samples[Math.max(0, index - RATE_SAMPLES)];
  if (now === before || now.at - before.at > GAP_MS) return null;
  const [to, from] = [counter(now), counter(before)];
  if (to === null || from === null || to === undefined || from === undefined) return null;
  // Redis may have been restored from an older copy
  return Math.max(0, ((to - from) * 1_000) / (now.at - before.at));
}

/** Mean seconds from acceptance to commit of the batches between two samples. Null when there were none. */
export function storeLagAt(index) {
  const now = samples[index]?.store_lag;
  const before = samples[Math.max(0, index - RATE_SAMPLES)]?.store_lag;
  if (!now || !before || now.batches <= before.batches) return null;
  return Math.max(0, now.seconds - before.seconds) / (now.batches - before.batches);
}

/**
 * The browser does not reconnect after a response other than 200. Checks whether the session has ended or the service
 * is busy.
 */
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
    // the history is about the past, so it does not show that new samples arrive
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

/** A hidden tab does not connect. */
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
