/** All messages over time as bars. Dragging selects a range. Hidden when there are no messages. */
import { get } from './api.js';
import { createChart } from './charts.js';
import { byId, setText } from './dom.js';
import { count, iso } from './format.js';

const SECONDS = { minute: 60, hour: 3_600, day: 86_400 };
const BARS_MAX = 300;
const HEIGHT = 90;

const figure = byId('timeline');
const place = figure.querySelector('.plot');
let chart;
let choose = () => {};
let asked = 0;

const secondsOf = (isoText) => Math.floor(Date.parse(isoText) / 1_000);

/** The finest bucket with a readable number of bars. */
function bucketOf(since, until) {
  return Object.keys(SECONDS).find((name) => (until - since) / SECONDS[name] <= BARS_MAX) ?? 'day';
}

/** Every bucket of the range, including empty ones, if there is room for them. */
function columns(data, since, until, step) {
  const counts = new Map(data.map(({ start, count: messages }) => [secondsOf(start), messages]));
  if ((until - since) / step > 5_000) return [[...counts.keys()], [...counts.values()]];
  const times = [];
  for (let at = Math.floor(since / step) * step; at < until; at += step) times.push(at);
  return [times, times.map((at) => counts.get(at) ?? 0)];
}

async function rangeOf({ since, until }) {
  if (since && until) return [secondsOf(since), secondsOf(until)];
  const { first_message_ts: first, last_message_ts: last } = await get('/stats?top=1');
  if (first === null) return undefined;
  return [since ? secondsOf(since) : secondsOf(first), until ? secondsOf(until) : secondsOf(last) + 1];
}

export async function refreshTimeline(wanted, onChoice) {
  choose = onChoice;
  const mine = ++asked;
  try {
    const range = await rangeOf(wanted);
    if (range === undefined || range[0] >= range[1]) throw new Error('no range');
    const [since, until] = range;
    const bucket = bucketOf(since, until);
    const parameters = new URLSearchParams({ bucket, since: iso(since), until: iso(until) });
    const { data } = await get(`/stats/timeline?${parameters}`);
    if (mine !== asked) return;
    const step = SECONDS[bucket];
    figure.hidden = false;
    chart ??= createChart(place, {
      series: [{ label: 'messages', colour: '--accent', bars: true }],
      format: (value) => count(value),
      height: HEIGHT,
      onSelect: (from, to) => choose(iso(Math.floor(from)), iso(Math.ceil(to))),
    });
    chart.set(columns(data, since, until, step));
    setText(byId('timeline-note'), `by ${bucket} · drag to choose a range`);
  } catch {
    if (mine === asked) figure.hidden = true;
  }
}
