import { clock, count, lasting, plain } from './text.js';
import { ago, el, show, tick } from './dom.js';
import { get, Unreachable } from './service.js';
import { overview } from './overview.js';
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
  view = kind === 'saga' ? sagaView(main, refresh, decodeURIComponent(id ?? ''))
    : kind === 'sagas' ? sagasView(main, refresh, query)
    : kind === 'plan' ? planView(main)
    : kind === 'definitions' ? definitionsView(main)
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
    show(document.getElementById('banners'), bannerFacts(answer.body), () => banners(answer.body));
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

function bannerFacts(report) {
  const { coordinator, heartbeat, paused, previous, lastPass, cluster, unresolved, drain } = report;
  return [coordinator, heartbeat?.lateSince, heartbeat?.listenerError, paused, previous, lastPass?.result, lastPass?.error, cluster?.orphans, cluster?.ownerDown, unresolved?.stuck, drain];
}

function banners(report) {
  const { coordinator, heartbeat, paused, previous, lastPass, cluster, unresolved, drain } = report;
  return [
    coordinator.fenced && banner('bad', 'Fenced', ` by incarnation ${coordinator.fenced.by}, `, ago(coordinator.fenced.at), ': a newer process has joined under this coordinator id. This process has stopped its sagas and accepts no new work. Stop it.'),
    coordinator.incompatible && banner('bad', 'Incompatible store', `: ${plain(coordinator.incompatible, 600)}`),
    !coordinator.incarnation && banner('warn', 'Not joined yet', ': this process has not joined as a coordinator yet, and runs no sagas.'),
    heartbeat?.lateSince && banner('bad', 'Heartbeat late', ', none written since ', ago(heartbeat.lateSince), `${heartbeat.error ? `: ${plain(heartbeat.error, 300)}` : ''}. Other coordinators may take over the sagas of this process.`),
    heartbeat?.listenerError && banner('warn', 'No listener connection', `: ${plain(heartbeat.listenerError, 300)}. Heartbeats use the pool, and hints arrive late or not at all.`),
    lastPass?.result === 'Failed' && banner('bad', 'The last pass failed', `: ${plain(lastPass.error ?? '', 300)}`),
    paused && banner('warn', 'Paused', ` by ${plain(paused.note.actor, 60)}, `, ago(paused.since), `: ${plain(paused.note.reason, 300)}. Recovery resumes no sagas until the pause ends.`),
    drain && banner('warn', 'Draining', ', requested by ', plain(drain.note.actor, 60), ', ', ago(drain.since), `: ${plain(drain.note.reason, 300)}. No new sagas start. ${phases[drain.phase]?.(drain) ?? ''}`),
    cluster?.orphans.count > 0 && unowned(cluster.orphans, 'orphan', ', unfinished and without a known owner'),
    cluster?.ownerDown.count > 0 && unowned(cluster.ownerDown, 'unfinished saga', ' whose owner is down'),
    unresolved?.stuck.count > 0 && banner('bad', count(unresolved.stuck.count, 'stuck saga'), ', partly undone', unresolved.stuck.oldest && [', the oldest started ', ago(unresolved.stuck.oldest)],
      '. ', el('a', { href: '#/sagas?state=stuck' }, 'List them'), '.'),
    previous?.crashed && banner('calm', 'The previous process did not shut down', ', last seen ', ago(previous.lastSeen), previous.inFlight > 0 ? `; ${count(previous.inFlight, 'saga')} it had in flight will be resumed last.` : '.'),
  ];
}

const phases = {
  WaitingForRuns: () => 'Running sagas may finish.',
  Reassigning: () => 'The remaining sagas are being reassigned.',
  Drained: (drain) => `Drained: ${drain.reassigned} reassigned, none left.`,
  Unanswered: () => 'The database did not respond. Request the drain again.',
  Incomplete: (drain) => `${drain.reassigned} reassigned, ${drain.left} left, which resume when this process starts again.${drain.paused?.length > 0 ? ` Took none, since their recovery is paused: ${drain.paused.join(', ')}.` : ''}`,
};

function unowned(sagas, what, why) {
  return banner('bad', count(sagas.count, what), why, sagas.oldest && [', the oldest started ', ago(sagas.oldest)],
    '. ', el('a', { href: '#/' }, 'Reassign them'), '.');
}

function banner(tone, title, ...text) {
  return el('p', { class: `banner ${tone}` }, el('strong', {}, title), text);
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
route();
