/** Formats figures. The browser's language decides how digits are grouped. */
import { parseJson } from './json.js';

const whole = new Intl.NumberFormat();
const fine = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export const count = (value) => (value === null || value === undefined ? '–' : whole.format(value));

export const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return '–';
  return perSecond >= 10 || perSecond === 0 ? whole.format(Math.round(perSecond)) : fine.format(perSecond);
}

export function seconds(value) {
  if (value === null || value === undefined) return '–';
  if (value < 0.0005) return '0 ms';
  if (value < 1) return `${Math.round(value * 1_000)} ms`;
  if (value < 60) return `${fine.format(value)} s`;
  if (value < 3_600) return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  if (value < 86_400) return `${Math.floor(value / 3_600)} h ${Math.floor((value % 3_600) / 60)} min`;
  return `${Math.floor(value / 86_400)} d ${Math.floor((value % 86_400) / 3_600)} h`;
}

/** `5 min ago`. A time in the future, which a wrong clock can give, is `just now`. */
export function ago(epochMs, now = Date.now()) {
  const passed = Math.floor((now - epochMs) / 1_000);
  if (passed < 5) return 'just now';
  if (passed < 60) return `${passed} s ago`;
  if (passed < 3_600) return `${Math.floor(passed / 60)} min ago`;
  if (passed < 172_800) return `${Math.floor(passed / 3_600)} h ago`;
  return `${count(Math.floor(passed / 86_400))} days ago`;
}

export const megabytes = (bytes) => (bytes === null ? '–' : `${Math.round(bytes / 1_048_576)} MB`);

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const hours = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** In the time zone of the browser. */
export const time = (epochSeconds) => moment.format(new Date(epochSeconds * 1_000));

/** The time of today. */
export const clock = (epochMs) => hours.format(new Date(epochMs));

export const iso = (epochSeconds) => new Date(epochSeconds * 1_000).toISOString().replace('.000Z', 'Z');

/** `2024-03-09T17:00:00` in local time, the format of a datetime-local input. Returns '' for an invalid time. */
export function toLocalInput(isoText) {
  const date = new Date(isoText);
  if (isoText === '' || Number.isNaN(date.getTime())) return '';
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

/** The value of a datetime-local input as ISO 8601 in UTC. Returns '' for an empty input. */
export function fromLocalInput(value) {
  const date = new Date(value);
  return value === '' || Number.isNaN(date.getTime()) ? '' : date.toISOString().replace('.000Z', 'Z');
}

const sum = (counts) => Object.values(counts).reduce((total, value) => total + value, 0);

/** The number of dead letters. `letters` has the numbers by kind, or is null when they are unknown. */
export const lettersTotal = (letters) => (letters ? sum(letters) : null);

/** `3 could not be stored, 19 conflicting duplicates`. */
export function lettersWords(letters) {
  const conflicts = letters.conflicting_duplicate;
  return `${count(sum(letters) - conflicts)} could not be stored, ${counted(conflicts, 'conflicting duplicate')}`;
}

/** JSON text, indented. Returns any other text unchanged. */
export function pretty(json) {
  try {
    return JSON.stringify(parseJson(json), undefined, 2);
  } catch {
    return json;
  }
}
