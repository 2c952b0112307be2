/** Shows the whole system, now and over the last minutes. */
import { createChart } from './charts.js';
import { byId, el, setText } from './dom.js';
import { count, counted, lettersTotal, lettersWords, rate, seconds } from './format.js';
import { all, heard, latest, latestIndex, onSample, rateAt, storeLagAt } from './live.js';
import { statusOf } from './status.js';

/** A chart first covers one minute and grows to five. */
const SPAN_SECONDS = 60;

const REFUSALS = [
  ['invalid_signature', 'wrong signature', '--red'],
  ['invalid_payload', 'invalid', '--amber'],
  ['too_large', 'too large', '--violet'],
  ['rate_limited', 'too many', '--accent'],
  ['unavailable', 'queue full or Redis not responding', '--muted'],
];

const accepted = (sample) => sample.ledger?.accepted;
const stored = ({ ledger }) =>
  ledger === null ? null : ledger.created + ledger.duplicate + ledger.dead_letter;
const refused = (status) => (sample) => sample.refused?.[status];

/**
 * accepted + unconfirmed + fanout = created + duplicate + dead letter + written off + waiting. Each term has its sign
 * in front.
 */
const TERMS = [
  ['accepted', 'accepted', '', 'Messages that were answered 200'],
  [
    'unconfirmed',
    'unconfirmed',
    '+',
    'Stored or waiting, but not confirmed by an ingest process: the sender was told 503',
  ],
  [
    'fanout',
    'more by mapping',
    '+',
    'A delivery of a source is accepted as one, and may become several messages: how many more',
  ],
  ['created', 'stored', '=', 'Rows in the database'],
  ['duplicate', 'duplicates', '+', 'Sent again under an id that is already stored'],
  ['dead_letter', 'not stored', '+', 'Could not be stored because of their content (total)'],
  ['written_off', 'written off', '+', 'Missing, and written off by an operator'],
  ['waiting', 'waiting', '+', 'In the queue'],
];

function createEquation() {
  const values = new Map();
  for (const [name, label, sign, title] of TERMS) {
    const value = el('dd', { id: `ledger-${name}` }, '–');
    values.set(name, value);
    byId('equation').append(
      el('div', { title, 'data-term': name, 'data-sign': sign }, el('dt', {}, label), value),
    );
  }
  return (ledger) => {
    for (const [name, value] of values) setText(value, count(ledger?.[name]));
    // these are rarely above 0, so they have no permanent place
    for (const name of ['unconfirmed', 'fanout', 'written_off'])
      values.get(name).parentElement.hidden = !(ledger?.[name] > 0);
  };
}

/** `[id, label, value, note, level]` of each tile. */
function tilesOf(index) {
  const sample = latest();
  const { ledger, queue, refused: refusals } = sample;
  const missing = ledger?.missing ?? null;
  return [
    ['rate', 'Intake', `${rate(rateAt(index, accepted))}/s`, `stored ${rate(rateAt(index, stored))}/s`],
    [
      'waiting',
      'Waiting',
      count(ledger?.waiting),
      `oldest ${seconds(queue?.oldest_age_seconds)}`,
      ledger?.waiting > 0 && 'busy',
    ],
    ['store-lag', 'Store lag', seconds(storeLagAt(index)), 'from acceptance to commit'],
    ['index-lag', 'Index lag', count(sample.index_lag_messages), 'messages searched by scan'],
    ['signatures', 'Wrong signatures', count(refusals?.invalid_signature), 'deliveries refused with 401'],
    [
      'conflicts',
      'Conflicting duplicates',
      count(ledger?.conflicting_duplicate),
      'same id, different content (total)',
    ],
    [
      'letters',
      'Dead letters',
      count(lettersTotal(sample.dead_letters)),
      sample.dead_letters ? lettersWords(sample.dead_letters) : '',
      lettersTotal(sample.dead_letters) > 0 && 'busy',
    ],
    ['missing', 'Missing', count(missing), 'acknowledged messages that are lost', missing > 0 && 'bad'],
  ];
}

function createTiles() {
  const tiles = new Map();
  return (index) => {
    for (const [id, label, value, below, level] of tilesOf(index)) {
      let tile = tiles.get(id);
      if (tile === undefined) {
        tile = { value: el('dd', { id: `tile-${id}` }), below: el('dd', { class: 'below' }) };
        tile.box = el('div', { class: 'card tile' }, el('dt', {}, label), tile.value, tile.below);
        byId('tiles').append(tile.box);
        tiles.set(id, tile);
      }
      setText(tile.value, value);
      setText(tile.below, below);
      tile.box.dataset.level = level || '';
    }
  };
}

function legend(series) {
  return el(
    'ul',
    { class: 'legend' },
    ...series.map(({ label, colour }) => el('li', { 'data-colour': colour }, label)),
  );
}

function addChart(title, options) {
  const place = el('div', { class: 'plot', 'aria-hidden': 'true' });
  const now = el('strong');
  const caption = el('figcaption', {}, el('span', {}, title), now);
  const more = options.series.length > 1 ? [legend(options.series)] : [];
  byId('charts').append(el('figure', { class: 'card chart' }, caption, ...more, place));
  return { chart: createChart(place, { span: SPAN_SECONDS, ...options }), now };
}

function createCharts() {
  const perSecond = { format: (value) => rate(value) };
  const intake = addChart('Messages per second', {
    ...perSecond,
    series: [
      // the last line is on top, and the two lines are equal while nothing waits
      { label: 'stored', colour: '--green', filled: true },
      { label: 'accepted', colour: '--accent' },
    ],
  });
  const waiting = addChart('Waiting in the queue', {
    format: (value) => count(value),
    least: 4,
    series: [{ label: 'messages', colour: '--amber', filled: true }],
  });
  const lag = addChart('Store lag', {
    format: (value) => seconds(value),
    size: 62,
    least: 0.05,
    series: [{ label: 'seconds', colour: '--violet', filled: true }],
  });
  const refusals = addChart('Refused deliveries per second', {
    ...perSecond,
    series: REFUSALS.map(([, label, colour]) => ({ label, colour })),
  });
  return (samples) => {
    const times = samples.map(({ at }) => at / 1_000);
    const rates = (counter) => samples.map((_sample, index) => rateAt(index, counter));
    const last = latestIndex();
    intake.chart.set([times, rates(stored), rates(accepted)]);
    setText(intake.now, `${rate(rateAt(last, accepted))} accepted`);
    waiting.chart.set([times, samples.map(({ ledger }) => ledger?.waiting ?? null)]);
    setText(waiting.now, `${count(samples[last].ledger?.waiting)} now`);
    lag.chart.set([times, samples.map((_sample, index) => storeLagAt(index))]);
    setText(lag.now, `${seconds(storeLagAt(last))} now`);
    const each = REFUSALS.map(([status]) => rates(refused(status)));
    refusals.chart.set([times, ...each]);
    const total = Object.values(samples[last].refused ?? {}).reduce((sum, value) => sum + value, 0);
    setText(refusals.now, samples[last].refused === null ? '–' : `${counted(total, 'refusal')} ever`);
  };
}

export function startOverview() {
  const showEquation = createEquation();
  const showTiles = createTiles();
  let showCharts;
  const show = () => {
    const sample = latest();
    if (sample === undefined) return;
    showEquation(sample.ledger);
    setText(byId('verdict'), statusOf(sample, heard()).detail);
    showTiles(latestIndex());
    // a chart needs the width of its container
    if (byId('charts').closest('section').hidden) return;
    showCharts ??= createCharts();
    showCharts(all());
  };
  onSample(show);
  return show;
}
