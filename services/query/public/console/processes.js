/** Shows the processes. */
import { byId, el, note } from './dom.js';
import { megabytes, seconds } from './format.js';
import { heard, latest, onSample } from './live.js';

const LEVELS = { up: 'good', stopped: 'unknown', silent: 'bad', 'not known': 'unknown' };

function row(process, now, isKnown) {
  const { service, instance, pid, leads, started_at, seen_at, memory_bytes } = process;
  const state = isKnown ? process.state : 'not known';
  const silentSeconds = Math.max(0, Math.round((now - seen_at) / 1_000));
  const end = process.state === 'up' ? now : seen_at;
  const seen = silentSeconds === 0 ? 'just now' : `${seconds(silentSeconds)} ago`;
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, service),
    el(
      'td',
      {},
      el(
        'span',
        { class: 'status', 'data-level': LEVELS[state] },
        el('span', {}, isKnown && leads ? `${state}, leads` : state),
      ),
    ),
    el(
      'td',
      { class: 'number', 'data-label': 'age' },
      seconds(Math.max(1, Math.round((end - started_at) / 1_000))),
    ),
    el('td', { class: 'number', 'data-label': 'memory' }, megabytes(memory_bytes)),
    el('td', { class: 'number', 'data-label': 'seen' }, isKnown ? seen : '–'),
    el('td', {}, el('code', {}, instance), ` pid ${pid}`),
  );
}

export function startProcesses() {
  const body = byId('processes');
  const show = () => {
    const sample = latest();
    if (sample === undefined || body.closest('section').hidden) return;
    note(
      byId('processes-problem'),
      sample.processes === null ? 'Redis is not responding. It holds the list of processes.' : '',
    );
    const isKnown = heard() === 'known';
    body.replaceChildren(...(sample.processes ?? []).map((process) => row(process, sample.at, isKnown)));
  };
  onSample(show);
  return show;
}
