import { clock, lasting, plain } from './text.js';
import { card, el, show, tick } from './dom.js';
import { get, Unreachable } from './service.js';
import { banner, bannerFacts, banners } from './banners.js';
import { overview } from './overview.js';
import { unfoldForPrint } from './print.js';
import { findView, startSearch } from './search.js';
import { sagaView } from './saga.js';
import { sagasView } from './sagas.js';
import { planView } from './plan.js';
import { definitionsView } from './definitions.js';

/** The interval between two refreshes, in ms. */
const period = 2000;

const main = document.getElementById('main');
let view = null;
let timer = 0;
let refreshing = false;
let lostSince = null;

/** Shows the view that the address selects. */
function route(event) {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [kind, id] = path.split('/');
  view = viewOf(kind, decoded(id ?? ''), query);
  document.title = `${view.title} · saga recovery`;
  for (const link of document.querySelectorAll('nav a')) {
    const current = link.hash === `#/${kind === 'saga' ? 'sagas' : kind}`;
    link.ariaCurrent = current ? 'page' : null;
  }
  if (event) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  refresh();
}

function viewOf(kind, id, query) {
  switch (kind) {
    case '': return overview(main, refresh);
    case 'saga': return id ? sagaView(main, refresh, id) : noView();
    case 'sagas': return sagasView(main, refresh, query);
    case 'plan': return planView(main);
    case 'find': return findView(main, query);
    case 'definitions': return definitionsView(main);
    default: return noView();
  }
}

/** Decodes a part of the address. Returns null if it is malformed. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

function noView() {
  main.replaceChildren(card('No such view', el('p', {}, `This page has no view at ${plain(location.hash)}. `, el('a', { href: '#/' }, 'Overview'), '.')));
  return { title: 'No such view', load: async () => {} };
}

/** Refreshes the status, then the view. A call during a refresh schedules one more after it. */
async function refresh() {
  clearTimeout(timer);
  if (refreshing) {
    refreshing = 'repeat';
    return;
  }
  refreshing = true;
  try {
    const answer = await get('');
    if (!answer.ok) {
      throw new Unreachable(`the service responded with status ${answer.status}`);
    }
    lostSince = null;
    show(document.getElementById('banners'), [bannerFacts(answer.body), view.title], () => banners(answer.body, view.title === 'Overview'));
    await view.load(answer.body);
    showConnection('', 'live', answer.body.currentPass ? `, pass ${answer.body.currentPass.iteration} is running` : '');
  } catch (lost) {
    if (!(lost instanceof Unreachable)) {
      throw lost; // a bug in this page belongs on the console
    }
    lostSince ??= Date.now();
    showConnection('lost', 'lost', '');
    showLost(lost);
  } finally {
    const repeat = refreshing === 'repeat';
    refreshing = false;
    if (!document.hidden) {
      timer = setTimeout(refresh, repeat ? 0 : period);
    }
  }
}

function showConnection(kind, text, more) {
  const place = document.getElementById('connection');
  place.className = kind;
  place.textContent = `${text}${more}`;
}

function showLost(lost) {
  const place = document.getElementById('banners');
  place.seen = null;
  place.replaceChildren(banner('bad', 'The service cannot be reached', ` since ${clock(lostSince)} (${lasting((Date.now() - lostSince) / 1000)}): ${plain(lost.message)}. The page shows the last known state and retries every ${period / 1000} s.`));
}

addEventListener('hashchange', route);
document.addEventListener('visibilitychange', () => {
  clearTimeout(timer);
  if (document.hidden) {
    showConnection('idle', 'paused while hidden', '');
  } else {
    refresh();
  }
});
setInterval(tick, 1000);
startSearch();
unfoldForPrint();
route();
