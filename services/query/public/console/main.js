/** Connects the parts of the console: tabs, status, keys. */
import { get } from './api.js';
import { byId, note, setText } from './dom.js';
import { clock, count, lettersTotal, lettersWords } from './format.js';
import { heard, latest, onSample, startLive } from './live.js';
import { startDeadLetters } from './dead-letters.js';
import { startMessages } from './messages.js';
import { startOverview } from './overview.js';
import { startProcesses } from './processes.js';
import { startRejects } from './rejects.js';
import { go, onRoute, state } from './route.js';
import { setSourceNames } from './source-select.js';
import { startSources } from './sources.js';
import { statusOf } from './status.js';

const TABS = {
  overview: 'Overview',
  messages: 'Messages',
  'dead-letters': 'Dead letters',
  sources: 'Sources',
  rejects: 'Rejected',
  processes: 'Processes',
};

function showTab({ tab }) {
  const chosen = Object.hasOwn(TABS, tab ?? '') ? tab : 'overview';
  for (const panel of document.querySelectorAll('[data-panel]'))
    panel.hidden = panel.dataset.panel !== chosen;
  for (const link of document.querySelectorAll('.tabs a')) {
    if (link.dataset.tab === chosen) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${TABS[chosen]} · Lyftr`;
}

function showStatus() {
  const status = byId('status');
  const { level, title } = statusOf(latest(), heard());
  status.dataset.level = level;
  setText(status.firstElementChild, title);
  const isStale = heard() === 'silent' || heard() === 'lost';
  document.documentElement.toggleAttribute('data-stale', isStale);
  const sample = latest();
  const since = sample === undefined ? '' : ` since ${clock(sample.at)}`;
  note(
    byId('stale'),
    isStale ? `Not known: Lyftr has sent nothing${since}. The figures may be out of date.` : '',
  );
  const letters = latest()?.dead_letters;
  const badge = byId('dead-letter-badge');
  badge.hidden = !(lettersTotal(letters) > 0);
  setText(badge, count(lettersTotal(letters)));
  badge.title = letters ? lettersWords(letters) : '';
}

function listenToKeys() {
  document.addEventListener('keydown', (event) => {
    const isWriting = event.target instanceof Element && event.target.matches('input, select, textarea');
    if (
      event.key !== '/' ||
      isWriting ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      byId('dialog').open
    )
      return;
    event.preventDefault();
    if (state().tab !== 'messages') go({ tab: 'messages' }, { from: {} });
    byId('q').focus();
    byId('q').select();
  });
  for (const link of document.querySelectorAll('.tabs a, .brand')) {
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const tab = link.dataset.tab ?? 'overview';
      go({ tab: tab === 'overview' ? '' : tab }, { from: {} });
    });
  }
}

async function readConfig() {
  try {
    return await get('/console.json');
  } catch {
    return { session: false, discard: false, replay: false, sources: [] };
  }
}

onRoute(showTab);
showTab(state());
listenToKeys();
const showOverview = startOverview();
const showProcesses = startProcesses();
startMessages();
startSources();
startRejects();
onRoute(showOverview);
onRoute(showProcesses);
onSample(showStatus);
startLive();
const config = await readConfig();
byId('sign-out').hidden = !config.session;
setSourceNames(config.sources);
startDeadLetters(config);
