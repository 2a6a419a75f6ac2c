import { clock, count, lasting, plain } from './text.js';
import { ago, el, show, tick } from './dom.js';
import { look, Unreachable } from './service.js';
import { overview } from './overview.js';
import { sagaView } from './saga.js';
import { sagasView } from './sagas.js';
import { planView } from './plan.js';

/** Time between two looks, in ms. */
const period = 2000;

const main = document.getElementById('main');
let view = null;
let timer = 0;
let looking = false;
let lostSince = null;

/** Shows the view that the address names. */
function route(event) {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [kind, id] = path.split('/');
  view = kind === 'saga' ? sagaView(main, refresh, decodeURIComponent(id ?? ''))
    : kind === 'sagas' ? sagasView(main, refresh, query)
    : kind === 'plan' ? planView(main)
    : overview(main, refresh);
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

/** Looks once: the status, then what the view needs. One look at a time; whoever asks meanwhile gets one more after it. */
async function refresh() {
  clearTimeout(timer);
  if (looking) {
    looking = 'again';
    return;
  }
  looking = true;
  try {
    const answer = await look('');
    if (!answer.ok) {
      throw new Unreachable(`the service answered ${answer.status}`);
    }
    lostSince = null;
    show(document.getElementById('banners'), bannerFacts(answer.body), () => banners(answer.body));
    await view.load(answer.body);
    pulse('', 'live', answer.body.currentPass ? `, pass ${answer.body.currentPass.iteration} is under way` : '');
  } catch (lost) {
    if (!(lost instanceof Unreachable)) {
      throw lost; // a fault of this page: it belongs on the console
    }
    lostSince ??= Date.now();
    pulse('lost', 'lost', '');
    showLost(lost);
  } finally {
    const again = looking === 'again';
    looking = false;
    if (!document.hidden) {
      timer = setTimeout(refresh, again ? 0 : period);
    }
  }
}

function pulse(kind, text, more) {
  const place = document.getElementById('pulse');
  place.className = kind;
  place.textContent = `${text}${more}`;
}

function bannerFacts(report) {
  const { coordinator, paused, previous, lastPass, cluster, drain } = report;
  return [coordinator, paused, previous, lastPass?.result, lastPass?.error, cluster?.orphans, cluster?.ownerDown, drain];
}

function banners(report) {
  const { coordinator, paused, previous, lastPass, cluster, drain } = report;
  return [
    coordinator.fenced && banner('bad', 'Fenced', ` by incarnation ${coordinator.fenced.by}, `, ago(coordinator.fenced.at), ': a newer process runs under this coordinator id. This one has stopped its sagas and takes no new work; end it.'),
    !coordinator.incarnation && banner('warn', 'Not joined yet', ': this process is not the coordinator yet, and runs no sagas.'),
    lastPass?.result === 'Failed' && banner('bad', 'The last pass failed', `: ${plain(lastPass.error ?? '', 300)}`),
    paused && banner('warn', 'Paused', ` by ${plain(paused.note.actor, 60)}, `, ago(paused.since), `: ${plain(paused.note.reason, 300)}. No saga is handed over until recovery is resumed.`),
    drain && banner('warn', 'Draining', ', asked for by ', plain(drain.note.actor, 60), ', ', ago(drain.since), `: ${plain(drain.note.reason, 300)}. No new sagas; ${phases[drain.phase]?.(drain) ?? ''}`),
    cluster?.orphans.count > 0 && unowned(cluster.orphans, 'orphan', 'whose owner is no known coordinator'),
    cluster?.ownerDown.count > 0 && unowned(cluster.ownerDown, 'stranded saga', 'whose owner does not answer'),
    previous?.crashed && banner('calm', 'The process before this one crashed', ', last seen ', ago(previous.lastSeen), previous.inFlight > 0 ? `; what it had in hand goes last: ${count(previous.inFlight, 'saga')}.` : '.'),
  ];
}

const phases = {
  WaitingForRuns: () => 'those that run may finish.',
  Reassigning: () => 'the rest is being given to others.',
  Drained: (drain) => `drained: ${drain.reassigned} given to others, none left.`,
  Unanswered: () => 'the database did not answer: ask for the drain again.',
  Incomplete: (drain) => `${drain.reassigned} given to others, ${drain.left} left, which go on at the next start.`,
};

function unowned(sagas, what, why) {
  return banner('bad', count(sagas.count, what), ` on this database: unfinished, ${why}`, sagas.oldest && [', the oldest started ', ago(sagas.oldest)],
    '. ', el('a', { href: '#/' }, 'Reassign them'), '.');
}

function banner(tone, title, ...text) {
  return el('p', { class: `banner ${tone}` }, el('strong', {}, title), text);
}

function showLost(lost) {
  const place = document.getElementById('banners');
  place.seen = null;
  place.replaceChildren(banner('bad', 'The service cannot be reached', ` since ${clock(lostSince)} (${lasting((Date.now() - lostSince) / 1000)}): ${plain(lost.message)}. What is shown is from before. Trying again every ${period / 1000} s.`));
}

addEventListener('hashchange', route);
document.addEventListener('visibilitychange', () => {
  clearTimeout(timer);
  if (document.hidden) {
    pulse('idle', 'not looking while hidden', '');
  } else {
    refresh();
  }
});
setInterval(tick, 1000);
route();
